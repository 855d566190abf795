//! What an index declares, and the terms of a value by it.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::domain::{Domain, cover};
use super::leakage::lint;
use super::normalize::Normalizer;
use super::term::{Input, Term};
use super::words::{self, Run};
use crate::cbor::{Item, ValueKind, array_of};
use crate::error::Error;
use crate::keyring::{IndexKeys, Scope};

/// `[IX-4]` What a term is made of.
mod kind {
    pub(super) const EXACT: u8 = 0;
    pub(super) const COMPOUND: u8 = 1;
    pub(super) const PREFIX: u8 = 2;
    pub(super) const WORD: u8 = 3;
    pub(super) const RANGE: u8 = 4;
    pub(super) const AS_GIVEN: u8 = 5;
}

/// `[IX-1]`
const DEFAULT_BITS: u16 = 128;
/// `[IX-10]` How many nodes a range that is asked for may take.
const MOST_NODES: usize = 1_024;

/// How values become terms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
pub(crate) enum Shape<'a> {
    Exact,
    /// Each part by its own normalizer.
    Compound(&'a [Normalizer]),
    /// Of 1 to so many characters.
    Prefix(u8),
    Words,
    /// The lowest so many levels.
    Range(Domain, u8),
}

impl Shape<'_> {
    /// What stands against it for such values: each of them would be refused when it is sealed.
    pub(crate) const fn lint(&self, kind: ValueKind) -> Result<(), &'static str> {
        match (self, kind) {
            (Self::Range(domain, _), _) => domain.lint(kind),
            (Self::Prefix(_) | Self::Words, _) if !kind.may_be(ValueKind::Text) => {
                Err("prefix and word indexes need a text field")
            }
            (Self::Exact, ValueKind::Float) => Err(
                "a float field cannot have an exact index: make the field a decimal or an integer",
            ),
            (Self::Exact, ValueKind::Parts) => Err(
                "a list or structure cannot have an exact index: index a field of a single value",
            ),
            _ => Ok(()),
        }
    }
}

/// How many different values there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
pub(crate) enum Cardinality {
    Unsaid,
    Declared(u64),
    /// To be asked of the terms that are stored.
    Measured,
}

/// A declaration without its types.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub(crate) struct IndexSpec<'a> {
    pub(crate) record: &'a str,
    pub(crate) id: &'a str,
    /// Of the values that it is asked for; unknown for a compound one.
    pub(crate) kind: ValueKind,
    pub(crate) shape: Shape<'a>,
    pub(crate) normalizer: Normalizer,
    pub(crate) bits: Option<u16>,
    pub(crate) cardinality: Cardinality,
    pub(crate) allow_leakage: Option<&'a str>,
    pub(crate) lenient: bool,
}

/// One encoded item for each part of a value: one, but in a compound index.
pub(crate) type Items = Vec<Zeroizing<Vec<u8>>>;

/// What is asked for, normalized: to make terms of, and to compare what they found.
pub(crate) enum Wanted {
    /// The one input of an exact or compound index.
    Equal(u8, Zeroizing<Vec<u8>>),
    Prefix(Zeroizing<String>),
    /// In order, each once.
    Words(Vec<Run>),
    /// Numbers of the domain, both among them.
    Between(i128, i128),
}

impl<'a> IndexSpec<'a> {
    pub(crate) const fn new(
        record: &'a str,
        id: &'a str,
        kind: ValueKind,
        shape: Shape<'a>,
    ) -> Self {
        let cardinality = match shape {
            Shape::Range(domain, _) => Cardinality::Declared(domain.buckets()),
            _ => Cardinality::Unsaid,
        };
        Self {
            record,
            id,
            kind,
            shape,
            normalizer: Normalizer::NONE,
            bits: None,
            cardinality,
            allow_leakage: None,
            lenient: false,
        }
    }

    pub(crate) const fn effective_bits(&self) -> u16 {
        match self.bits {
            Some(bits) => bits,
            None => DEFAULT_BITS,
        }
    }

    /// `[LK-1]` What stands against the declaration.
    pub(crate) const fn lint(&self) -> Result<(), &'static str> {
        lint(self.bits, self.cardinality, self.allow_leakage)
    }

    /// What stands against it as an index of such values: each of them would be refused when it is sealed.
    pub(crate) const fn lint_kind(&self, kind: ValueKind) -> Result<(), &'static str> {
        if let Err(why) = self.shape.lint(kind) {
            return Err(why);
        }
        if !self.kind.may_be(kind) {
            return Err(
                "the index is of another type than the field, so no query would find its values",
            );
        }
        match (self.shape, kind) {
            (Shape::Exact, ValueKind::Bool) if self.allow_leakage.is_none() => Err(
                "an index of a boolean tells the value to whoever counts: say allow_leakage = \"why\" if it must be",
            ),
            _ => self.lint_text(kind),
        }
    }

    /// What stands against the normalizer, and against keeping what it refuses.
    pub(crate) const fn lint_text(&self, kind: ValueKind) -> Result<(), &'static str> {
        if kind.may_be(ValueKind::Text) {
            return Ok(());
        }
        if !self.normalizer.is_none() {
            return Err("only a text field has a normalizer: remove it");
        }
        if self.lenient {
            return Err("only a text field has `lenient`: remove it");
        }
        Ok(())
    }

    #[cold]
    pub(crate) fn locate(&self, error: Error) -> Error {
        error.at(self.record, self.id)
    }

    pub(crate) fn scope(&self, tenant: &str) -> Result<Scope, Error> {
        Scope::index(tenant, self.record, self.id)
    }

    /// `[IX-2]` The terms of a value, in the order of their bytes; none of an absent one.
    pub(crate) fn terms(
        &self,
        items: &Items,
        keys: &IndexKeys,
        tenant: &str,
    ) -> Result<Vec<Term>, Error> {
        let made = self.inputs(items).and_then(|inputs| {
            if inputs.is_empty() {
                return Ok(Vec::new());
            }
            let (id, key) = keys.making(&self.scope(tenant)?)?;
            let bits = self.effective_bits();
            Ok(inputs.iter().map(|input| Term::make(id, &key, bits, input)).collect())
        });
        let mut terms = made.map_err(|error| self.locate(error))?;
        terms.sort_unstable();
        terms.dedup();
        Ok(terms)
    }

    /// What the terms of a value are made of.
    fn inputs(&self, items: &Items) -> Result<Vec<Input>, Error> {
        self.lint().map_err(Error::invalid)?;
        let parsed: Vec<Item<'_>> =
            items.iter().map(|item| Item::of(item)).collect::<Result<_, _>>()?;
        if parsed.contains(&Item::Absent) {
            return Ok(Vec::new());
        }
        if self.allow_leakage.is_none() && parsed.iter().all(|item| matches!(item, Item::Bool(_))) {
            return Err(Error::declaration(
                "an index of a boolean tells the value to whoever counts: say allow_leakage = \"why\" if it must be",
            ));
        }
        match (self.shape, parsed.as_slice()) {
            (Shape::Exact, [item]) => self.or_as_given(item, |item| {
                Ok(alloc::vec![input(kind::EXACT, 0, self.normalizer.apply(item)?)])
            }),
            (Shape::Compound(parts), items) => {
                let (level, item) = compound(parts, items)?;
                Ok(alloc::vec![input(kind::COMPOUND, level, item)])
            }
            (Shape::Prefix(max), [item]) => self.or_as_given(item, |item| {
                let text = self.text(item)?;
                let ends = text.char_indices().map(|(at, char)| at.saturating_add(char.len_utf8()));
                (1..=max).zip(ends).map(|(level, end)| prefix(level, text.get(..end))).collect()
            }),
            (Shape::Words, [item]) => match self.unless_as_given(item, self.text(item))? {
                // Too many words are refused in a lenient index too: no word would find the value.
                Some(text) => {
                    words::of_a_value(&words::runs(&text))?.into_iter().map(word).collect()
                }
                None => {
                    self.or_as_given(item, |_| Err(Error::invalid("the text is kept as given")))
                }
            },
            (Shape::Range(domain, levels), [item]) => {
                let bucket = domain.bucket(domain.number(item)?)?;
                (0..levels).map(|level| node(level, bucket.checked_shr(level.into()))).collect()
            }
            _ => Err(Error::declaration(
                "an index takes one value, and a compound one as many as it has parts",
            )),
        }
    }

    /// `[IX-7]` A text that cannot be normalized, as it is given, where the index is lenient.
    fn or_as_given(
        &self,
        item: &Item<'_>,
        inputs: impl FnOnce(&Item<'_>) -> Result<Vec<Input>, Error>,
    ) -> Result<Vec<Input>, Error> {
        inputs(item).or_else(|error| match item {
            Item::Text(text) if self.lenient => {
                Ok(alloc::vec![text_input(kind::AS_GIVEN, 0, text)?])
            }
            _ => Err(error),
        })
    }

    fn text(&self, item: &Item<'_>) -> Result<Zeroizing<String>, Error> {
        match item {
            Item::Text(text) => self.normalizer.apply_text(text),
            _ => Err(Error::declaration("an index of prefixes or words takes text")),
        }
    }

    fn runs(&self, item: &Item<'_>) -> Result<Vec<Run>, Error> {
        Ok(words::runs(&self.text(item)?))
    }

    /// `[IX-7]` Nothing in place of a refusal, for a text that a lenient index keeps as it is given.
    fn unless_as_given<V>(
        &self,
        item: &Item<'_>,
        made: Result<V, Error>,
    ) -> Result<Option<V>, Error> {
        match made {
            Err(_) if self.lenient && matches!(item, Item::Text(_)) => Ok(None),
            made => made.map(Some),
        }
    }

    /// `[IX-3]` What is asked for, and the terms that ask: a row is found that has one of each group.
    pub(crate) fn ask(
        &self,
        items: &Items,
        keys: &IndexKeys,
        tenant: &str,
    ) -> Result<(Wanted, Vec<Vec<Term>>), Error> {
        let asked = || {
            let wanted = self.wanted(items)?;
            let groups = self.groups(&wanted, keys, tenant)?;
            Ok((wanted, groups))
        };
        asked().map_err(|error| self.locate(error))
    }

    /// [`ask`](Self::ask) for what lies between two values; a missing one is the end of the domain.
    pub(crate) fn ask_between(
        &self,
        (least, greatest): (Option<&Items>, Option<&Items>),
        (above, below): (bool, bool),
        keys: &IndexKeys,
        tenant: &str,
    ) -> Result<(Wanted, Vec<Vec<Term>>), Error> {
        let asked = || {
            let Shape::Range(domain, _) = self.shape else {
                return Err(Error::declaration(
                    "only a range index is asked for what lies between",
                ));
            };
            let number = |end: Option<&Items>, open: i128| match end.map(Vec::as_slice) {
                None => Ok(open),
                Some([item]) => match Item::of(item)? {
                    Item::Absent => Err(Error::invalid(
                        "a range without an end has Bound::Unbounded there, as in `from..`",
                    )),
                    item => domain.number(&item),
                },
                Some(_) => Err(Error::declaration("a range ends at one value")),
            };
            let least = number(least, i128::MIN)?.saturating_add(above.into());
            let greatest = number(greatest, i128::MAX)?.saturating_sub(below.into());
            let wanted = Wanted::Between(least, greatest);
            let groups = self.groups(&wanted, keys, tenant)?;
            Ok((wanted, groups))
        };
        asked().map_err(|error| self.locate(error))
    }

    fn wanted(&self, items: &Items) -> Result<Wanted, Error> {
        self.lint().map_err(Error::invalid)?;
        let item = match items.as_slice() {
            [item] => Item::of(item)?,
            _ => Item::Other,
        };
        let wanted = match self.shape {
            Shape::Exact | Shape::Compound(_) => None,
            Shape::Prefix(_) => self.unless_as_given(&item, self.text(&item))?.map(Wanted::Prefix),
            Shape::Words => self.unless_as_given(&item, self.runs(&item))?.map(Wanted::Words),
            Shape::Range(domain, _) => {
                let number = domain.number(&item)?;
                Some(Wanted::Between(number, number))
            }
        };
        match wanted {
            Some(Wanted::Prefix(text)) if text.is_empty() => {
                Err(Error::invalid("every value begins with nothing: ask for a longer prefix"))
            }
            Some(Wanted::Words(words)) if words.is_empty() => {
                Err(Error::invalid("there is no word to look for"))
            }
            Some(wanted) => Ok(wanted),
            None => match self.inputs(items)?.pop() {
                Some(input) => Ok(Wanted::Equal(input.kind, input.item)),
                None => Err(Error::invalid(
                    "an absent value has no term to be found by: ask for NULL in the column",
                )),
            },
        }
    }

    fn groups(
        &self,
        wanted: &Wanted,
        keys: &IndexKeys,
        tenant: &str,
    ) -> Result<Vec<Vec<Term>>, Error> {
        let groups: Vec<Vec<Input>> = match (wanted, self.shape) {
            (Wanted::Equal(kind, item), shape) => {
                let level = match shape {
                    Shape::Compound(parts) => level(parts)?,
                    _ => 0,
                };
                alloc::vec![alloc::vec![input(*kind, level, item.clone())]]
            }
            (Wanted::Prefix(text), Shape::Prefix(max)) => {
                let ends = text.char_indices().map(|(at, char)| at.saturating_add(char.len_utf8()));
                let (level, end) = (1..=max).zip(ends).last().unwrap_or_default();
                alloc::vec![alloc::vec![prefix(level, text.get(..end))?]]
            }
            (Wanted::Words(runs), _) => words::of_a_question(runs)?
                .into_iter()
                .map(|asked| Ok(alloc::vec![word(asked)?]))
                .collect::<Result<_, Error>>()?,
            (Wanted::Between(least, greatest), Shape::Range(domain, levels)) => {
                let nodes = match domain.buckets_between(*least, *greatest) {
                    None => Vec::new(),
                    Some(buckets) => cover(buckets, levels, MOST_NODES).ok_or_else(|| {
                        Error::invalid(format!(
                            "the range takes more than {MOST_NODES} terms: ask for a narrower one, or keep more levels"
                        ))
                    })?,
                };
                let nodes = nodes.into_iter().map(|(level, number)| node(level, Some(number)));
                alloc::vec![nodes.collect::<Result<_, _>>()?]
            }
            _ => return Err(Error::declaration("the index is not asked so")),
        };
        let (keys, bits) = (keys.asking(&self.scope(tenant)?)?, self.effective_bits());
        let group = |inputs: &Vec<Input>| {
            let of = |(id, key): &(_, _)| {
                let mut terms: Vec<_> =
                    inputs.iter().map(|input| Term::make(*id, key, bits, input)).collect();
                terms.sort_unstable();
                terms.dedup();
                terms
            };
            keys.iter().flat_map(of).collect()
        };
        Ok(groups.iter().map(group).collect())
    }

    /// Whether a value is what was asked for, and not only found by the same terms.
    pub(crate) fn matches(&self, wanted: &Wanted, items: &Items) -> Result<bool, Error> {
        let matches = || {
            let [item] = items.as_slice() else {
                let inputs = self.inputs(items)?;
                return Ok(inputs.iter().any(|input| is_equal(wanted, input)));
            };
            let item = Item::of(item)?;
            if item == Item::Absent {
                return Ok(false);
            }
            Ok(match (wanted, self.shape) {
                (Wanted::Between(least, greatest), Shape::Range(domain, _)) => {
                    (*least..=*greatest).contains(&domain.number(&item)?)
                }
                // What is kept as it was given has no prefixes and no words.
                (Wanted::Prefix(prefix), _) => self
                    .unless_as_given(&item, self.text(&item))?
                    .is_some_and(|text| text.starts_with(prefix.as_str())),
                (Wanted::Words(asked), _) => self
                    .unless_as_given(&item, self.runs(&item))?
                    .is_some_and(|runs| asked.iter().all(|run| words::have(&runs, run))),
                _ => self.inputs(items)?.iter().any(|input| is_equal(wanted, input)),
            })
        };
        matches().map_err(|error| self.locate(error))
    }
}

fn is_equal(wanted: &Wanted, input: &Input) -> bool {
    matches!(wanted, Wanted::Equal(kind, item) if *kind == input.kind && *item == input.item)
}

/// `[IX-5]`
fn compound(parts: &[Normalizer], items: &[Item<'_>]) -> Result<(u8, Zeroizing<Vec<u8>>), Error> {
    if parts.len() != items.len() {
        return Err(Error::declaration("a compound index takes as many values as it has parts"));
    }
    let normalized: Vec<_> = parts
        .iter()
        .zip(items)
        .map(|(normalizer, item)| normalizer.apply(item))
        .collect::<Result<_, _>>()?;
    Ok((level(parts)?, array_of(&normalized)))
}

fn level(parts: &[Normalizer]) -> Result<u8, Error> {
    u8::try_from(parts.len())
        .map_err(|_| Error::declaration("a compound index has at most 255 parts"))
}

fn input(kind: u8, level: u8, item: Zeroizing<Vec<u8>>) -> Input {
    Input { kind, level, item }
}

fn text_input(kind: u8, level: u8, text: &str) -> Result<Input, Error> {
    let item = Item::Text(text).deterministic();
    Ok(input(kind, level, item.ok_or_else(|| Error::invalid("the value is too long"))?))
}

/// `[IX-8]`
fn word(text: &str) -> Result<Input, Error> {
    text_input(kind::WORD, 0, text)
}

/// `[IX-6]`
fn prefix(level: u8, text: Option<&str>) -> Result<Input, Error> {
    text_input(kind::PREFIX, level, text.unwrap_or_default())
}

/// `[IX-9]`
fn node(level: u8, number: Option<u64>) -> Result<Input, Error> {
    let number = Item::Integer(number.unwrap_or_default().into()).deterministic();
    Ok(input(kind::RANGE, level, number.ok_or_else(|| Error::invalid("no such node"))?))
}
