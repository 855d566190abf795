//! Erasing what has expired, in a whole store, unless something speaks against the clock.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::context::SubjectId;
use crate::envelope::{EntryState, EnvelopeInfo};
use crate::error::{Error, ErrorKind};

const DAY: u64 = 86_400;

/// A sweep of a store: turns every expired generation into an erased one.
///
/// What expired is refused already, so a sweep is never urgent, and it cannot be undone. It goes over the
/// store twice. First it counts; and unless it is [confirmed](Self::confirmed) it refuses with
/// [`Unconfirmed`](ErrorKind::Unconfirmed), nothing being erased, when
/// - more than the stated share of the generations that have a term would be erased;
/// - the clock stands more than 31 days after all that tells the time: the newest generation or erasure
///   in the store, and the [last run](Self::last_run);
/// - the clock stands more than a day before that; where it is the store that tells of a later time, the
///   last run alone is asked, if it is given.
///
/// A few envelopes made by a wrong clock do not end all sweeps: see [`SweepPlan::newest`]. The plan names them.
///
/// To show somebody what would be erased, and then to erase that and nothing else, use
/// [`plan`](Self::plan), [`check`](Self::check) and [`run_planned`](Self::run_planned).
///
/// ```
/// use fieldseal::jobs::Sweep;
/// use fieldseal::{Access, Class, DataKeys, ErrorKind, KeyRing, KeyStore, MemoryKeyStore};
///
/// const ORDERS: Class = Class::new("orders").retain_days(60);
///
/// let (ring, store) = (KeyRing::generate()?, MemoryKeyStore::new());
/// let (start, day) = (1_763_769_600, 86_400);
/// for week in 0..10 {
///     let made = Access::new(&ring).at(start + week * 7 * day);
///     store.save(&(), &DataKeys::create(made, week, ORDERS)?)?;
/// }
/// // One of ten is past 60 days, and the 5 days in which its generation took values.
/// let access = Access::new(&ring).at(start + 70 * day);
/// let refused = Sweep::at_most_percent(5).run(&store, &(), access).unwrap_err();
/// assert_eq!(refused.kind(), ErrorKind::Unconfirmed);
/// assert_eq!(Sweep::at_most_percent(20).run(&store, &(), access)?.changed, 1);
/// # Ok::<(), fieldseal::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "a sweep does nothing before it is run"]
pub struct Sweep {
    percent: u8,
    gap_days: u32,
    last_run: Option<u64>,
    confirmed: bool,
}

/// What a [`Sweep`] would do, and by which time. Made by [`Sweep::plan`], and carried out as it is by
/// [`Sweep::run_planned`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SweepPlan {
    /// The live generations that have a term.
    pub with_term: u64,
    /// Those of them that have expired.
    pub expired: u64,
    /// Now, in Unix seconds, by the clock that is asked.
    pub now: u64,
    /// How many envelopes were counted.
    pub envelopes: u64,
    /// How many envelopes could not be verified, and so were not counted.
    pub failed: u64,
    /// How many rows hold an envelope and name no subject.
    pub unnamed: u64,
    /// How many envelopes were made or erased more than a day after now, by their own account.
    pub ahead: u64,
    /// Some of those.
    examples: Vec<(String, SubjectId, u64)>,
    /// By the day of its latest moment: how many envelopes, and the latest moment of them. Those that are
    /// ahead are left out.
    days: BTreeMap<u64, (u64, u64)>,
    /// The latest moment of those that are ahead.
    latest_ahead: u64,
    /// How many generations of which envelope have expired.
    planned: BTreeMap<(String, SubjectId), u64>,
}

impl Sweep {
    /// A sweep that, unless confirmed, erases at most this share of the generations that have a term,
    /// in percent.
    pub const fn at_most_percent(percent: u8) -> Self {
        Self { percent, gap_days: 31, last_run: None, confirmed: false }
    }

    /// How many days the clock may stand after all that tells the time, in place of 31: for a store that
    /// is quiet for longer.
    pub const fn clock_gap_days(mut self, days: u32) -> Self {
        self.gap_days = days;
        self
    }

    /// When a sweep ran last, in Unix seconds, from the caller's own record.
    pub const fn last_run(mut self, at: u64) -> Self {
        self.last_run = Some(at);
        self
    }

    /// Sweeps whatever speaks against it: somebody has looked at the clock and at the numbers.
    pub const fn confirmed(mut self) -> Self {
        self.confirmed = true;
        self
    }

    /// Whether the plan may be carried out.
    ///
    /// # Errors
    /// [`Unconfirmed`](ErrorKind::Unconfirmed), with the numbers.
    pub fn check(&self, plan: &SweepPlan) -> Result<(), Error> {
        if self.confirmed || plan.expired == 0 {
            return Ok(());
        }
        let known = match self.last_run {
            // The caller's own record is asked, where the store speaks against the clock.
            Some(last) if plan.is_doubted() => last,
            last => plan.newest().max(last.unwrap_or_default()),
        };
        let gap = u64::from(self.gap_days).saturating_mul(DAY);
        let after = plan.now.saturating_sub(known);
        if after > gap {
            return Err(unconfirmed(format!(
                "the clock stands {} days after anything that the store tells of: is it right? {} generations would be erased",
                after / DAY,
                plan.expired
            )));
        }
        if known.saturating_sub(plan.now) > DAY {
            let named = if plan.is_doubted() {
                format!(" ({})", plan.shown_ahead())
            } else {
                String::new()
            };
            return Err(unconfirmed(format!(
                "the clock stands {} days before what the store tells of{named}: is it right? where those envelopes were made by a wrong clock, say when a sweep ran last",
                known.saturating_sub(plan.now) / DAY
            )));
        }
        let share = u128::from(plan.expired).saturating_mul(100);
        if share > u128::from(plan.with_term).saturating_mul(u128::from(self.percent)) {
            return Err(unconfirmed(format!(
                "{} of the {} generations that have a term would be erased, more than {} percent",
                plan.expired, plan.with_term, self.percent
            )));
        }
        Ok(())
    }
}

impl SweepPlan {
    /// A plan that has counted nothing yet, at this time in Unix seconds.
    pub fn at(now: u64) -> Self {
        Self { now, ..Self::default() }
    }

    /// Counts one envelope.
    pub fn count(&mut self, tenant: &str, subject: &SubjectId, envelope: &EnvelopeInfo) {
        self.envelopes = self.envelopes.saturating_add(1);
        let mut latest = envelope.subject_erased_at.unwrap_or_default();
        for entry in &envelope.entries {
            let told = match entry.state {
                EntryState::Live { created_at, expires_at, .. } => {
                    self.with_term = self.with_term.saturating_add(expires_at.is_some().into());
                    created_at
                }
                EntryState::Erased { erased_at } => erased_at,
            };
            latest = latest.max(told);
        }
        let expired = self.expired_of(envelope);
        if expired > 0 {
            self.expired = self.expired.saturating_add(expired);
            self.planned.insert((tenant.into(), subject.clone()), expired);
        }
        if latest > self.now.saturating_add(DAY) {
            self.ahead = self.ahead.saturating_add(1);
            self.latest_ahead = self.latest_ahead.max(latest);
            if self.examples.len() < EXAMPLES {
                self.examples.push((tenant.into(), subject.clone(), latest));
            }
        } else if latest > 0 {
            let (count, of_day) = self.days.entry(latest / DAY).or_default();
            *count = count.saturating_add(1);
            *of_day = latest.max(*of_day);
        }
    }

    /// The latest moment, in Unix seconds, that the store tells of: at which a generation was made or erased,
    /// as the envelopes say; 0 in an empty store. A few envelopes made by a wrong clock do not decide: of ten
    /// or more, the latest one in a thousand, and one at least, is left out; and those that are
    /// [ahead](Self::ahead) count only where they are more than one in ten.
    pub fn newest(&self) -> u64 {
        if self.is_doubted() {
            return self.latest_ahead;
        }
        let all: u64 = self.days.values().map(|(count, _)| *count).sum();
        let mut left_out = if all < 10 { 0 } else { (all / 1_000).max(1) };
        for (count, latest) in self.days.values().rev() {
            if *count > left_out {
                return *latest;
            }
            left_out = left_out.saturating_sub(*count);
        }
        0
    }

    /// Some of the envelopes that are [ahead](Self::ahead): tenant, subject, and their latest moment in Unix
    /// seconds. Their service's clock was wrong, or this one is.
    pub fn examples_ahead(&self) -> impl Iterator<Item = (&str, &SubjectId, u64)> {
        self.examples.iter().map(|(tenant, subject, at)| (tenant.as_str(), subject, *at))
    }

    /// Whether so many envelopes are ahead that the clock is doubted, and not they.
    fn is_doubted(&self) -> bool {
        let is_one_of_few = self.ahead == 1 && self.envelopes >= 3;
        self.ahead > 0 && !is_one_of_few && self.ahead.saturating_mul(10) > self.envelopes
    }

    fn shown_ahead(&self) -> String {
        let shown: Vec<_> = self
            .examples_ahead()
            .map(|(tenant, subject, at)| {
                let of = if tenant.is_empty() { String::new() } else { format!(" of {tenant}") };
                format!("{subject:?}{of} at {at}")
            })
            .collect();
        format!("{} of {} envelopes, such as {}", self.ahead, self.envelopes, shown.join(", "))
    }

    /// How many generations of an envelope have expired.
    fn expired_of(&self, envelope: &EnvelopeInfo) -> u64 {
        let expired = envelope.entries.iter().filter(|entry| match entry.state {
            EntryState::Live { expires_at, .. } => expires_at.is_some_and(|end| self.now >= end),
            EntryState::Erased { .. } => false,
        });
        u64::try_from(expired.count()).unwrap_or(u64::MAX)
    }

    /// Whether no more of an envelope has expired than was planned.
    pub(crate) fn check_planned(
        &self,
        tenant: &str,
        subject: &SubjectId,
        envelope: &EnvelopeInfo,
    ) -> Result<(), Error> {
        let planned = self.planned.get(&(tenant.into(), subject.clone()));
        if self.expired_of(envelope) <= planned.copied().unwrap_or_default() {
            return Ok(());
        }
        Err(unconfirmed(
            "it was stored after the sweep was planned, and more of it has expired".into(),
        ))
    }
}

/// How many envelopes a message names.
const EXAMPLES: usize = 3;

#[cold]
fn unconfirmed(what: String) -> Error {
    Error::new(ErrorKind::Unconfirmed, format!("nothing was erased: {what}; look, and confirm"))
}
