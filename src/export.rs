//! Anonymous exports: generalized rows without subjects, counted by how many people share them.
//!
//! An [`AnonymousExport`] takes opened records, shows each column as its [`Generalize`] rule says, drops
//! everything else, and reports the size of its smallest group. See [`AnonymousExport`] for an example.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use crate::cbor::{Item, days};
use crate::context::{SubjectId, ToId};
use crate::error::Error;
use crate::field::{SealValue, encoded, text_of};

/// How the values of a column are shown in an [`AnonymousExport`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generalize(How);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Kept,
    Measure,
    Band(u64),
    Years(u16),
    Prefix(u8),
}

impl Generalize {
    /// As it is, where that is coarse already: a country, a plan. It is one of the columns that make a
    /// group, so a name that is kept makes groups of one.
    pub const fn kept() -> Self {
        Self(How::Kept)
    }

    /// As it is, and not one of the columns that make a group: what nobody outside knows of the person,
    /// and the export is about, as a sum or a diagnosis. Whoever does know it finds the row by it.
    pub const fn measure() -> Self {
        Self(How::Measure)
    }

    /// Numbers in bands of this width, which begin at its multiples: 34 is `30 to 39`, and 34.50 is
    /// `30 to under 40`.
    ///
    /// # Panics
    /// On a width of 0.
    pub const fn band(width: u64) -> Self {
        assert!(width > 0, "a band has a width");
        Self(How::Band(width))
    }

    /// Dates and instants in spans of so many years: 1987-03-01 is `1987`, or of 5 years `1985 to 1989`. An
    /// instant is in the year that UTC has.
    ///
    /// # Panics
    /// On 0 years.
    pub const fn years(years: u16) -> Self {
        assert!(years > 0, "a span has a length");
        Self(How::Years(years))
    }

    /// [`years`](Self::years) in tens.
    pub const fn decades() -> Self {
        Self::years(10)
    }

    /// Texts by their first so many characters, as a region by its postcode: of 2 characters `10115`
    /// is `10…`. Shorter ones are whole, with the same dots.
    ///
    /// # Panics
    /// On 0 characters.
    pub const fn prefix(characters: u8) -> Self {
        assert!(characters > 0, "a prefix has characters");
        Self(How::Prefix(characters))
    }

    const fn makes_groups(self) -> bool {
        !matches!(self.0, How::Measure)
    }

    /// The cell of a value; else which values it can show.
    fn cell(self, item: &Item<'_>) -> Result<Option<String>, &'static str> {
        if *item == Item::Absent {
            return Ok(None);
        }
        let shown = match self.0 {
            How::Kept | How::Measure => match item {
                Item::Bool(value) => Some(value.to_string()),
                _ => text_of(item).map(|text| text.into_owned()),
            }
            .ok_or("texts, integers, decimals, dates and booleans are kept; give another as one of these"),
            How::Band(width) => {
                band(item, width).ok_or("integers and decimals are in bands; give a float as one of these")
            }
            How::Years(years) => span(item, years).ok_or("dates and instants are in years"),
            How::Prefix(characters) => match item {
                Item::Text(text) => {
                    let mut shown: String = text.chars().take(characters.into()).collect();
                    shown.push('…');
                    Some(shown)
                }
                _ => None,
            }
            .ok_or("texts have a prefix"),
        };
        shown.map(Some)
    }
}

fn band(item: &Item<'_>, width: u64) -> Option<String> {
    let width = i128::from(width);
    match *item {
        Item::Integer(value) => {
            let first = value.checked_div_euclid(width)?.checked_mul(width)?;
            let last = first.checked_add(width)?.checked_sub(1)?;
            Some(if first == last { first.to_string() } else { format!("{first} to {last}") })
        }
        Item::Decimal { mantissa, exponent } => {
            let scale = u32::try_from(exponent.checked_neg()?).ok()?;
            let whole = mantissa.checked_div_euclid(10_i128.checked_pow(scale)?)?;
            let first = whole.checked_div_euclid(width)?.checked_mul(width)?;
            Some(format!("{first} to under {}", first.checked_add(width)?))
        }
        _ => None,
    }
}

fn span(item: &Item<'_>, years: u16) -> Option<String> {
    let year = match *item {
        Item::Date(date) => year_of_date(date)?,
        Item::Text(date) => {
            date.as_bytes().try_into().ok().and_then(days).and_then(|_| year_of_date(date))?
        }
        Item::Instant(seconds, _) => year_of_day(seconds.div_euclid(86_400))?,
        _ => return None,
    };
    let years = i64::from(years);
    let first = year.checked_div_euclid(years)?.checked_mul(years)?;
    let last = first.checked_add(years)?.checked_sub(1)?;
    Some(if first == last { format!("{first:04}") } else { format!("{first:04} to {last:04}") })
}

fn year_of_date(date: &str) -> Option<i64> {
    date.get(..4)?.parse().ok()
}

/// The year of a day since 1970-01-01, of the proleptic Gregorian calendar.
fn year_of_day(day: i64) -> Option<i64> {
    // Days since 0000-03-01, in ages of 400 years, which have as many days each.
    let day = day.checked_add(719_468)?;
    let (age, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // From March on: day 306 is the first of January.
    age.checked_mul(400)?.checked_add(year)?.checked_add(i64::from(day >= 306))
}

type Read<'a, R> = Box<dyn Fn(&R) -> Result<Zeroizing<Vec<u8>>, Error> + Send + Sync + 'a>;

struct Column<'a, R> {
    name: &'static str,
    how: Generalize,
    read: Read<'a, R>,
}

type Cells = Vec<Option<String>>;

#[derive(Default)]
struct Gathered {
    people: BTreeSet<SubjectId>,
    rows: Vec<Cells>,
}

/// Rows of opened records, made to be given away: the columns that are named, generalized as declared, and
/// nothing else. No subject is in it and no order of the rows, and it says how many people share each
/// combination of values.
///
/// ```
/// use fieldseal::export::{AnonymousExport, Generalize};
///
/// struct Customer { id: i64, postcode: String, born: u16, spent: i64 }
///
/// let mut export = AnonymousExport::new()
///     .column("region", Generalize::prefix(2), |customer: &Customer| &customer.postcode)
///     .column("born", Generalize::band(10), |customer| &customer.born)
///     .column("spent", Generalize::measure(), |customer| &customer.spent);
/// for (id, postcode, born, spent) in
///     [(1, "10115", 1984, 120), (2, "10969", 1987, 80), (3, "10997", 1981, 80), (4, "20095", 1950, 9)]
/// {
///     export.add(id, &Customer { id, postcode: postcode.into(), born, spent })?;
/// }
///
/// let mut rows = export.finish();
/// assert_eq!(rows.smallest_group(), 1, "one person of her age in her region");
/// assert_eq!(rows.suppress(3), 1, "a row was left out");
/// assert_eq!(rows.smallest_group(), 3);
/// assert_eq!(rows.columns(), ["region", "born", "spent"]);
/// let first = rows.rows().next().unwrap_or_default();
/// assert_eq!(first, [Some("10…".into()), Some("1980 to 1989".into()), Some("120".into())]);
/// # Ok::<(), fieldseal::Error>(())
/// ```
///
/// # What the smallest group does not show
/// That the smallest group has k people says: who knows of a person what the grouping columns show
/// is left with k people at least. It does not say that nothing is learned:
///
/// - **All alike.** If all k have the same diagnosis, each of them has it.
///   [`least_variety`](AnonymousRows::least_variety) counts how many values a group has; it does not see that they
///   are all of one sort, or that nine in ten are equal.
/// - **What else is known.** Whoever knows a [measure](Generalize::measure) of a person, as what she spent,
///   finds her row by it. Whoever knows which row is the neighbour's has one candidate fewer.
/// - **Who is in it.** A group of all people of an age in a village says of each that they are customers. Where
///   the data are a sample, k people in the sample may still be many more outside, or not.
/// - **Several exports.** Each may be fine, and together they are not: the same people in other bands, or a week
///   later with one person more. What was given away cannot be taken back, so keep one declaration, and count
///   what was already published as known.
/// - **Suppression speaks.** Rows that were left out are of rare people, and whoever knows the totals knows that
///   there are such.
///
/// Whether the result is anonymous in the sense of a law is a judgement about all of that, and not a number.
pub struct AnonymousExport<'a, R> {
    columns: Vec<Column<'a, R>>,
    groups: BTreeMap<Cells, Gathered>,
}

impl<'a, R> AnonymousExport<'a, R> {
    /// An export without columns.
    pub fn new() -> Self {
        Self { columns: Vec::new(), groups: BTreeMap::new() }
    }

    /// The next column: what it is called, how its values are shown, and where they are in a record.
    ///
    /// # Panics
    /// On a second column of the name.
    #[must_use]
    pub fn column<V: SealValue>(
        mut self,
        name: &'static str,
        how: Generalize,
        of: impl Fn(&R) -> &V + Send + Sync + 'a,
    ) -> Self {
        assert!(
            self.columns.iter().all(|column| column.name != name),
            "there is a column of this name already"
        );
        let read = Box::new(move |record: &R| encoded(|to| of(record).encode(to)));
        self.columns.push(Column { name, how, read });
        self
    }

    /// Adds the row of a record. The subject is told so that people are counted and not their rows; it
    /// is forgotten at the end.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a value that its column cannot show, naming the
    /// column, and for a subject that is no id. The row is not added then.
    pub fn add(&mut self, subject: impl ToId, record: &R) -> Result<(), Error> {
        let subject = SubjectId::new(subject)?;
        let mut cells = Cells::with_capacity(self.columns.len());
        for Column { name, how, read } in &self.columns {
            let item = read(record)?;
            let cell = how.cell(&Item::of(&item)?).map_err(|which| {
                Error::invalid(format!("column `{name}` of the export: {which}"))
            })?;
            cells.push(cell);
        }
        let of_group = self.columns.iter().zip(&cells);
        let group: Cells = of_group
            .filter(|(column, _)| column.how.makes_groups())
            .map(|(_, cell)| cell.clone())
            .collect();
        let gathered = self.groups.entry(group).or_default();
        gathered.people.insert(subject);
        gathered.rows.push(cells);
        Ok(())
    }

    /// The rows that were added, in an order that says nothing of when.
    pub fn finish(self) -> AnonymousRows {
        let columns = self.columns.iter().map(|column| column.name).collect();
        let groups = self.groups.into_values().map(|Gathered { people, mut rows }| {
            rows.sort_unstable();
            Group { people: people.len(), rows }
        });
        AnonymousRows { columns, groups: groups.collect() }
    }
}

impl<R> Default for AnonymousExport<'_, R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R> fmt::Debug for AnonymousExport<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.columns.iter().map(|column| (column.name, column.how.0));
        f.debug_map().entries(columns).finish()
    }
}

struct Group {
    people: usize,
    rows: Vec<Cells>,
}

/// The rows of an [`AnonymousExport`], by groups of those that are equal in all columns but its
/// [measures](Generalize::measure).
pub struct AnonymousRows {
    columns: Vec<&'static str>,
    /// By ascending cells.
    groups: Vec<Group>,
}

impl AnonymousRows {
    /// The names of the columns.
    pub fn columns(&self) -> &[&'static str] {
        &self.columns
    }

    /// The rows, sorted by what is in them: a cell for each column, `None` where the value is absent.
    pub fn rows(&self) -> impl Iterator<Item = &[Option<String>]> {
        self.groups.iter().flat_map(|group| &group.rows).map(Vec::as_slice)
    }

    /// How many people the smallest group has: k. 0 where there is no row.
    pub fn smallest_group(&self) -> usize {
        self.groups.iter().map(|group| group.people).min().unwrap_or(0)
    }

    /// How many groups have fewer people than that.
    pub fn groups_below(&self, k: usize) -> usize {
        self.groups.iter().filter(|group| group.people < k).count()
    }

    /// Leaves out the groups that have fewer people, and says how many rows that were.
    pub fn suppress(&mut self, k: usize) -> usize {
        let before = self.rows().count();
        self.groups.retain(|group| group.people >= k);
        before.saturating_sub(self.rows().count())
    }

    /// The least number of different values, absence among them, that a column has within a group: 1 says
    /// that of somebody the value is given away. 0 where there is no row; `None` where there is no such
    /// column.
    pub fn least_variety(&self, column: &str) -> Option<usize> {
        let at = self.columns.iter().position(|name| *name == column)?;
        let varieties = self.groups.iter().map(|group| {
            group.rows.iter().filter_map(|row| row.get(at)).collect::<BTreeSet<_>>().len()
        });
        Some(varieties.min().unwrap_or(0))
    }
}

impl fmt::Debug for AnonymousRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnonymousRows")
            .field("columns", &self.columns)
            .field("rows", &self.rows().count())
            .field("smallest_group", &self.smallest_group())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::year_of_day;

    #[test]
    fn years_of_days_begin_and_end_where_the_calendar_has_it() {
        let (mut day, mut year) = (-719_528, 0);
        while year < 4_000 {
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let last = day + if leap { 365 } else { 364 };
            assert_eq!((year_of_day(day), year_of_day(last)), (Some(year), Some(year)));
            (day, year) = (last + 1, year + 1);
        }
        assert_eq!(year_of_day(-719_529), Some(-1));
        assert!(
            year_of_day(i64::MIN).is_some_and(|year| year < 0) && year_of_day(i64::MAX).is_none()
        );
    }
}
