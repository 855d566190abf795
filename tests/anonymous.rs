//! Anonymised exports: what is shown of each value, how many people share it, and that nothing else is
//! in them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use std::collections::{BTreeMap, BTreeSet};

use fieldseal::export::{AnonymousExport, AnonymousRows, Generalize};
use fieldseal::{Error, ErrorKind, SealValue, Sensitive};
use proptest::prelude::*;

/// The one cell that is shown of a value.
fn shown<V: SealValue>(value: &V, how: Generalize) -> Result<Option<String>, Error> {
    let mut export = AnonymousExport::new().column("value", how, |value: &V| value);
    export.add(1, value)?;
    let rows = export.finish();
    let cells: Vec<_> = rows.rows().flatten().cloned().collect();
    assert_eq!(cells.len(), 1);
    Ok(cells[0].clone())
}

#[track_caller]
fn shows<V: SealValue>(value: V, how: Generalize, expected: &str) {
    assert_eq!(shown(&value, how).unwrap().as_deref(), Some(expected));
}

#[track_caller]
fn refuses<V: SealValue>(value: V, how: Generalize) {
    let error = shown(&value, how).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let text = error.to_string();
    assert!(text.contains("`value`") && !text.contains("4716"), "{text}");
}

#[test]
fn integers_are_in_bands_that_begin_at_multiples() {
    shows(34, Generalize::band(10), "30 to 39");
    shows(30, Generalize::band(10), "30 to 39");
    shows(39, Generalize::band(10), "30 to 39");
    shows(40, Generalize::band(10), "40 to 49");
    shows(0, Generalize::band(10), "0 to 9");
    shows(-1, Generalize::band(10), "-10 to -1");
    shows(-10, Generalize::band(10), "-10 to -1");
    shows(-11, Generalize::band(10), "-20 to -11");
    shows(34, Generalize::band(1), "34");
    shows(u64::MAX, Generalize::band(u64::MAX), "18446744073709551615 to 36893488147419103229");
    shows(i64::MIN, Generalize::band(u64::MAX), "-18446744073709551615 to -1");
    shows(i64::MIN, Generalize::band(1), "-9223372036854775808");
}

#[test]
fn texts_are_cut_to_their_prefix_and_do_not_show_that_they_were_short() {
    shows("10115".to_owned(), Generalize::prefix(2), "10…");
    shows("10".to_owned(), Generalize::prefix(2), "10…");
    shows("1".to_owned(), Generalize::prefix(2), "1…");
    shows(String::new(), Generalize::prefix(2), "…");
    // Characters, not bytes.
    shows("Östersund".to_owned(), Generalize::prefix(1), "Ö…");
    shows("a".repeat(300), Generalize::prefix(255), &format!("{}…", "a".repeat(255)));
}

#[test]
fn texts_that_are_dates_are_in_years() {
    shows("1987-03-01".to_owned(), Generalize::years(1), "1987");
    shows("1987-12-31".to_owned(), Generalize::years(5), "1985 to 1989");
    shows("1990-01-01".to_owned(), Generalize::decades(), "1990 to 1999");
    shows("0007-01-01".to_owned(), Generalize::decades(), "0000 to 0009");
}

#[test]
fn what_is_kept_is_shown_as_it_is() {
    for how in [Generalize::kept(), Generalize::measure()] {
        shows("DE".to_owned(), how, "DE");
        shows(-7, how, "-7");
        shows(true, how, "true");
        shows(false, how, "false");
        shows(Sensitive::from("DE"), how, "DE");
    }
}

#[cfg(feature = "jiff")]
#[test]
fn dates_and_instants_are_in_years() {
    use jiff::civil::date;

    shows(date(1987, 3, 1), Generalize::decades(), "1980 to 1989");
    shows(date(2000, 1, 1), Generalize::years(1), "2000");
    shows(date(1987, 3, 1), Generalize::kept(), "1987-03-01");
    let instant = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    shows(instant("1999-12-31T23:59:59.9Z"), Generalize::years(1), "1999");
    shows(instant("2000-01-01T00:00:00Z"), Generalize::years(1), "2000");
    shows(instant("1969-12-31T23:59:59.9Z"), Generalize::years(1), "1969");
    // To the second it is anybody's own.
    refuses(instant("2000-01-01T00:00:00Z"), Generalize::kept());
    refuses(date(1987, 3, 1), Generalize::band(10));
    refuses(date(1987, 3, 1), Generalize::prefix(4));
}

#[cfg(feature = "rust_decimal")]
#[test]
fn decimals_are_in_bands_up_to_the_next() {
    let decimal = |text: &str| text.parse::<rust_decimal::Decimal>().unwrap();
    shows(decimal("39.99"), Generalize::band(10), "30 to under 40");
    shows(decimal("30.00"), Generalize::band(10), "30 to under 40");
    shows(decimal("40"), Generalize::band(10), "40 to under 50");
    shows(decimal("-0.01"), Generalize::band(10), "-10 to under 0");
    shows(decimal("39.90"), Generalize::kept(), "39.90");
    refuses(decimal("39.99"), Generalize::years(10));
    refuses(decimal("39.99"), Generalize::prefix(2));
}

#[test]
fn value_that_a_column_cannot_show_is_refused_and_not_shown() {
    for how in [Generalize::band(10), Generalize::years(10)] {
        refuses("4716".to_owned(), how);
        refuses(true, how);
        refuses(vec![4716], how);
        refuses(47.16_f64, how);
        refuses(b"4716".to_vec(), how);
    }
    refuses(4716, Generalize::years(10));
    refuses(4716, Generalize::prefix(2));
    for text in ["4716-02-30", "4716-13-01", "4716-1-1", "04716-01-01", "4716", "4716-01-01T00"] {
        refuses(text.to_owned(), Generalize::years(1));
    }
    for how in [Generalize::kept(), Generalize::measure()] {
        refuses(47.16_f32, how);
        refuses(vec![4716], how);
        refuses(b"4716".to_vec(), how);
    }
}

#[test]
fn refused_row_is_not_added() {
    let mut export = AnonymousExport::new()
        .column("plan", Generalize::kept(), |row: &(String, String)| &row.0)
        .column("born", Generalize::years(1), |row| &row.1);
    export.add(1, &("free".into(), "1987-03-01".into())).unwrap();
    export.add(2, &("free".into(), "unknown".into())).unwrap_err();
    export.add("", &("free".into(), "1987-03-01".into())).unwrap_err();
    let rows = export.finish();
    assert_eq!((rows.rows().count(), rows.smallest_group()), (1, 1));
}

#[test]
fn absent_value_is_an_empty_cell_however_it_would_be_shown() {
    let none: Option<String> = None;
    for how in
        [Generalize::kept(), Generalize::measure(), Generalize::prefix(2), Generalize::decades()]
    {
        assert_eq!(shown(&none, how).unwrap(), None);
    }
    assert_eq!(shown(&None::<i64>, Generalize::band(10)).unwrap(), None);
    // And is no group with those that are empty.
    let mut export =
        AnonymousExport::new().column("a", Generalize::kept(), |row: &Option<String>| row);
    export.add(1, &None).unwrap();
    export.add(2, &Some(String::new())).unwrap();
    assert_eq!(export.finish().groups_below(2), 2);
}

#[test]
#[should_panic(expected = "already")]
fn column_named_twice_is_refused() {
    let _ = AnonymousExport::new().column("a", Generalize::kept(), |row: &i64| row).column(
        "a",
        Generalize::kept(),
        |row: &i64| row,
    );
}

#[test]
#[should_panic(expected = "width")]
fn band_without_a_width_is_refused() {
    let _ = Generalize::band(0);
}

#[test]
#[should_panic(expected = "length")]
fn span_of_no_years_is_refused() {
    let _ = Generalize::years(0);
}

#[test]
#[should_panic(expected = "characters")]
fn prefix_of_nothing_is_refused() {
    let _ = Generalize::prefix(0);
}

#[test]
fn export_of_nothing_has_no_group() {
    let mut rows = AnonymousExport::<i64>::default().finish();
    assert_eq!((rows.smallest_group(), rows.groups_below(5), rows.suppress(5)), (0, 0, 0));
    assert_eq!(rows.least_variety("value"), None);
    let rows = AnonymousExport::new().column("a", Generalize::kept(), |row: &i64| row).finish();
    assert_eq!(rows.least_variety("a"), Some(0));
}

#[test]
fn rows_of_one_person_count_once() {
    let mut export =
        AnonymousExport::new().column("plan", Generalize::kept(), |plan: &String| plan);
    for _ in 0..10 {
        export.add(42, &"free".to_owned()).unwrap();
    }
    export.add("42", &"paid".to_owned()).unwrap();
    export.add(42, &"paid".to_owned()).unwrap();
    let mut rows = export.finish();
    assert_eq!((rows.smallest_group(), rows.groups_below(2)), (1, 1));
    assert_eq!(rows.suppress(2), 10);
    assert_eq!(rows.smallest_group(), 2);
}

#[test]
fn measure_makes_no_group_and_its_variety_is_told() {
    let mut export = AnonymousExport::new()
        .column("plan", Generalize::kept(), |row: &(String, Option<String>)| &row.0)
        .column("diagnosis", Generalize::measure(), |row| &row.1);
    for (id, plan, diagnosis) in
        [(1, "a", Some("x")), (2, "a", None), (3, "b", Some("y")), (4, "b", Some("y"))]
    {
        export.add(id, &(plan.to_owned(), diagnosis.map(str::to_owned))).unwrap();
    }
    let mut rows = export.finish();
    assert_eq!(rows.smallest_group(), 2);
    // Everybody of plan b has y.
    assert_eq!(rows.least_variety("diagnosis"), Some(1));
    assert_eq!(rows.least_variety("plan"), Some(1));
    assert_eq!(rows.suppress(2), 0);
    assert_eq!(rows.suppress(3), 4);
    assert_eq!(rows.least_variety("diagnosis"), Some(0));
}

#[test]
fn printing_shows_columns_and_counts_alone() {
    let mut export =
        AnonymousExport::new().column("plan", Generalize::kept(), |plan: &String| plan);
    export.add(4716, &"gold".to_owned()).unwrap();
    let printed = format!("{export:?}");
    let printed = format!("{printed} {:?}", export.finish());
    assert!(printed.contains("plan") && !printed.contains("gold"), "{printed}");
    assert!(!printed.contains("4716"), "{printed}");
}

#[derive(Debug)]
struct Person {
    id: u32,
    postcode: String,
    age: u8,
    plan: Option<String>,
    spent: u16,
}

fn people() -> impl Strategy<Value = Vec<Person>> {
    let person = (0..40_u32, "[12][0-3][0-9]", 20..60_u8, proptest::option::of("[ab]"), 0..5_u16);
    let person = person.prop_map(|(id, postcode, age, plan, spent)| Person {
        id,
        postcode,
        age,
        plan,
        spent,
    });
    proptest::collection::vec(person, 0..60)
}

fn exported(people: &[Person]) -> AnonymousRows {
    let mut export = AnonymousExport::new()
        .column("spent", Generalize::measure(), |person: &Person| &person.spent)
        .column("region", Generalize::prefix(2), |person| &person.postcode)
        .column("age", Generalize::band(20), |person| &person.age)
        .column("plan", Generalize::kept(), |person| &person.plan);
    people.iter().for_each(|person| export.add(person.id, person).unwrap());
    export.finish()
}

type Key = (String, u8, Option<String>);

fn key(person: &Person) -> Key {
    (person.postcode[..2].to_owned(), person.age / 20, person.plan.clone())
}

/// The people of each group, by a reckoning of the test's own.
fn groups(people: &[Person]) -> BTreeMap<Key, BTreeSet<u32>> {
    let mut groups = BTreeMap::<_, BTreeSet<_>>::new();
    for person in people {
        groups.entry(key(person)).or_default().insert(person.id);
    }
    groups
}

fn cells(rows: &AnonymousRows) -> Vec<Vec<Option<String>>> {
    rows.rows().map(<[_]>::to_vec).collect()
}

proptest! {
    #[test]
    fn smallest_group_is_that_of_the_people(people in people(), k in 0..6_usize) {
        let (mut rows, groups) = (exported(&people), groups(&people));
        let least = groups.values().map(BTreeSet::len).min().unwrap_or(0);
        prop_assert_eq!(rows.smallest_group(), least);
        let below = groups.values().filter(|group| group.len() < k).count();
        prop_assert_eq!(rows.groups_below(k), below);

        let rare = |person: &&Person| groups[&key(person)].len() < k;
        prop_assert_eq!(rows.suppress(k), people.iter().filter(rare).count());
        let remain = people.iter().filter(|person| !rare(person)).count();
        prop_assert_eq!(rows.rows().count(), remain);
        prop_assert!(remain == 0 || rows.smallest_group() >= k);
        prop_assert_eq!(rows.groups_below(k), 0);
        prop_assert_eq!(rows.suppress(k), 0);
    }

    #[test]
    fn order_of_the_rows_does_not_depend_on_that_in_which_they_came(
        people in people(), seed in any::<prop::sample::Index>(),
    ) {
        let mut other: Vec<&Person> = people.iter().collect();
        if !other.is_empty() {
            let at = seed.index(other.len());
            other.rotate_left(at);
            other.reverse();
        }
        let mut again = AnonymousExport::new()
            .column("spent", Generalize::measure(), |person: &&Person| &person.spent)
            .column("region", Generalize::prefix(2), |person| &person.postcode)
            .column("age", Generalize::band(20), |person| &person.age)
            .column("plan", Generalize::kept(), |person| &person.plan);
        other.iter().for_each(|person| again.add(person.id, person).unwrap());
        prop_assert_eq!(cells(&exported(&people)), cells(&again.finish()));
    }

    #[test]
    fn rows_say_what_was_declared_and_nothing_of_the_subject(people in people()) {
        // Other people, the same rows.
        let renamed: Vec<Person> = people
            .iter()
            .map(|person| Person {
                id: 1_000_000 - person.id, postcode: person.postcode.clone(), age: person.age,
                plan: person.plan.clone(), spent: person.spent,
            })
            .collect();
        let rows = exported(&people);
        prop_assert_eq!(cells(&rows), cells(&exported(&renamed)));
        prop_assert_eq!(rows.columns(), &["spent", "region", "age", "plan"]);
        prop_assert!(rows.rows().all(|row| row.len() == 4));
    }
}
