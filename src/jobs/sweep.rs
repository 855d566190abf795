//! Erasing what has expired, in a whole store, unless something speaks against the clock.

use alloc::format;

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
///   last run alone is asked, if it is given, so that one envelope made by a wrong clock does not end all
///   sweeps.
///
/// ```
/// use fieldseal::{Access, Class, DataKeys, ErrorKind, KeyRing, KeyStore, MemoryKeyStore, Sweep};
///
/// const ORDERS: Class = Class::new("orders").retain_days(60);
///
/// let (ring, store) = (KeyRing::generate()?, MemoryKeyStore::new());
/// let (start, day) = (1_763_769_600, 86_400);
/// for week in 0..10 {
///     let made = Access::new(&ring).at(start + week * 7 * day);
///     store.save(&(), "", week, DataKeys::create(made, week, &[ORDERS])?.envelope())?;
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

/// What a [`Sweep`] would do, and by which time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SweepPlan {
    /// The live generations that have a term.
    pub with_term: u64,
    /// Those of them that have expired.
    pub expired: u64,
    /// Now, in Unix seconds, by the clock that is asked.
    pub now: u64,
    /// The latest moment at which a generation was made or erased, as the envelopes tell it; in Unix
    /// seconds, 0 in an empty store.
    pub newest: u64,
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
        // One envelope made by a wrong clock says so for ever; the caller's own record is asked then.
        let is_ahead = plan.newest > plan.now.saturating_add(DAY);
        let known = match self.last_run {
            Some(last) if is_ahead => last,
            last => plan.newest.max(last.unwrap_or_default()),
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
            return Err(unconfirmed(format!(
                "the clock stands {} days before what the store tells of: is it right?",
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
    pub fn count(&mut self, envelope: &EnvelopeInfo) {
        self.newest = self.newest.max(envelope.subject_erased_at.unwrap_or_default());
        for entry in &envelope.entries {
            let told = match entry.state {
                EntryState::Live { created_at, expires_at, .. } => {
                    if let Some(expires_at) = expires_at {
                        self.with_term = self.with_term.saturating_add(1);
                        self.expired =
                            self.expired.saturating_add(u64::from(self.now >= expires_at));
                    }
                    created_at
                }
                EntryState::Erased { erased_at } => erased_at,
            };
            self.newest = self.newest.max(told);
        }
    }
}

#[cold]
fn unconfirmed(what: alloc::string::String) -> Error {
    Error::new(ErrorKind::Unconfirmed, format!("nothing was erased: {what}; look, and confirm"))
}
