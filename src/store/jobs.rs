//! Work on whole stores, run.

#[cfg(feature = "file")]
use alloc::collections::BTreeMap;
use alloc::format;
#[cfg(feature = "file")]
use alloc::string::String;

#[cfg(feature = "file")]
use super::keys::is_of_all;
use super::keys::{AsyncKeyStore, KeyStore, PassReport, StoredEnvelope, change_all_async};
use crate::access::Access;
#[cfg(feature = "file")]
use crate::context::SubjectId;
use crate::envelope::EnvelopeEdit;
use crate::error::Error;
use crate::jobs::{Sweep, SweepPlan};
#[cfg(feature = "file")]
use crate::ledger::Replay;

impl Sweep {
    /// Counts what a sweep of the store would erase. Envelopes that cannot be verified are not counted.
    ///
    /// # Errors
    /// Those of [`KeyStore::change_all`]; where not one of the stored envelopes can be verified, the kind of
    /// the first, as nothing was counted then.
    pub fn plan<'a, S: KeyStore>(
        &self,
        store: &S,
        on: &S::Connection,
        access: impl Into<Access<'a>>,
    ) -> Result<SweepPlan, Error> {
        let access = access.into();
        let mut plan = SweepPlan::at(access.time().now()?);
        let pass = store.change_all(on, access, |stored, _| count(&mut plan, stored))?;
        planned(plan, pass)
    }

    /// Sweeps the store.
    ///
    /// # Errors
    /// [`Unconfirmed`](crate::ErrorKind::Unconfirmed), and then nothing was erased; those of
    /// [`plan`](Self::plan).
    pub fn run<'a, S: KeyStore>(
        &self,
        store: &S,
        on: &S::Connection,
        access: impl Into<Access<'a>>,
    ) -> Result<PassReport, Error> {
        let access = access.into();
        let plan = self.plan(store, on, access)?;
        self.run_planned(store, on, access, &plan)
    }

    /// Erases what a plan of this store counted, by the time that it was made at. What was stored since, and
    /// has expired by then, stays, and is in [`PassReport::failed`].
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_planned<'a, S: KeyStore>(
        &self,
        store: &S,
        on: &S::Connection,
        access: impl Into<Access<'a>>,
        plan: &SweepPlan,
    ) -> Result<PassReport, Error> {
        self.check(plan)?;
        store.change_all(on, access.into().at(plan.now), |stored, edit| sweep(plan, stored, edit))
    }

    /// [`plan`](Self::plan) on an asynchronous store.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub fn plan_async<'a, S: AsyncKeyStore>(
        &self,
        store: &S,
        on: &mut S::Connection,
        access: impl Into<Access<'a>>,
    ) -> impl Future<Output = Result<SweepPlan, Error>> + Send {
        plan(store, on, access.into())
    }

    /// [`run`](Self::run) on an asynchronous store.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_async<'a, S: AsyncKeyStore>(
        &self,
        store: &S,
        on: &mut S::Connection,
        access: impl Into<Access<'a>>,
    ) -> impl Future<Output = Result<PassReport, Error>> + Send {
        let access = access.into();
        async move {
            let plan = plan(store, on, access).await?;
            run_planned(*self, store, on, access, &plan).await
        }
    }

    /// [`run_planned`](Self::run_planned) on an asynchronous store.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_planned_async<'a, S: AsyncKeyStore>(
        &self,
        store: &S,
        on: &mut S::Connection,
        access: impl Into<Access<'a>>,
        plan: &SweepPlan,
    ) -> impl Future<Output = Result<PassReport, Error>> + Send {
        run_planned(*self, store, on, access.into(), plan)
    }
}

async fn plan<S: AsyncKeyStore>(
    store: &S,
    on: &mut S::Connection,
    access: Access<'_>,
) -> Result<SweepPlan, Error> {
    let mut plan = SweepPlan::at(access.time().now()?);
    let mut count = |stored: &StoredEnvelope, _: &mut EnvelopeEdit<'_>| count(&mut plan, stored);
    let pass = change_all_async(store, on, access, &mut count).await?;
    planned(plan, pass)
}

async fn run_planned<S: AsyncKeyStore>(
    asked: Sweep,
    store: &S,
    on: &mut S::Connection,
    access: Access<'_>,
    plan: &SweepPlan,
) -> Result<PassReport, Error> {
    asked.check(plan)?;
    // By the time that was looked at.
    let access = access.at(plan.now);
    let mut sweep =
        |stored: &StoredEnvelope, edit: &mut EnvelopeEdit<'_>| sweep(plan, stored, edit);
    change_all_async(store, on, access, &mut sweep).await
}

fn count(plan: &mut SweepPlan, stored: &StoredEnvelope) -> Result<(), Error> {
    plan.count(&stored.tenant, &stored.subject, &stored.envelope.inspect()?);
    Ok(())
}

fn sweep(
    plan: &SweepPlan,
    stored: &StoredEnvelope,
    edit: &mut EnvelopeEdit<'_>,
) -> Result<(), Error> {
    plan.check_planned(&stored.tenant, &stored.subject, &stored.envelope.inspect()?)?;
    edit.sweep().map(drop)
}

/// The plan, unless nothing was counted because nothing could be verified.
fn planned(mut plan: SweepPlan, pass: PassReport) -> Result<SweepPlan, Error> {
    plan.failed = u64::try_from(pass.failed.len()).unwrap_or(u64::MAX);
    plan.unnamed = pass.unnamed;
    match pass.failed.into_iter().next() {
        Some((_, _, error)) if plan.envelopes == 0 => Err(Error::new(
            error.kind(),
            format!(
                "not one of the {} key envelopes can be verified, so nothing shows what has expired; of the first: {}",
                plan.failed,
                error.detail()
            ),
        )),
        _ => Ok(plan),
    }
}

#[cfg(feature = "file")]
/// A replay looks up every subject in the ledgers: one event says so.
fn read_ledgers(access: Access<'_>) -> Result<(), Error> {
    access.audited(crate::audit::Action::ReadLedger, &SubjectId::NONE, &[], None, || Ok(()))
}

#[cfg(feature = "file")]
impl Replay<'_> {
    /// Makes good in a store what the ledgers say.
    ///
    /// # Errors
    /// Those of [`KeyStore::change_all`]; what is wrong with one envelope is in the [`PassReport`].
    /// [`Audit`](crate::ErrorKind::Audit) when the audit refuses that the ledgers are read.
    pub fn run<'a, S: KeyStore>(
        &self,
        store: &S,
        on: &S::Connection,
        access: impl Into<Access<'a>>,
    ) -> Result<PassReport, Error> {
        let (access, mut refused) = (access.into(), Refused::new());
        read_ledgers(access)?;
        let pass =
            store.change_all(on, access, |stored, edit| self.play(stored, edit, &mut refused));
        pass.map(|pass| with(pass, refused))
    }

    /// [`run`](Self::run) on an asynchronous store.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_async<'a, S: AsyncKeyStore>(
        &self,
        store: &S,
        on: &mut S::Connection,
        access: impl Into<Access<'a>>,
    ) -> impl Future<Output = Result<PassReport, Error>> + Send {
        let access = access.into();
        async move {
            read_ledgers(access)?;
            let mut refused = Refused::new();
            let mut change = |stored: &StoredEnvelope, edit: &mut EnvelopeEdit<'_>| {
                self.play(stored, edit, &mut refused)
            };
            let pass = change_all_async(store, on, access, &mut change).await?;
            Ok(with(pass, refused))
        }
    }

    /// `[LG-14]` Stores what could be made good, also where something else was refused.
    fn play(
        &self,
        stored: &StoredEnvelope,
        edit: &mut EnvelopeEdit<'_>,
        refused: &mut Refused,
    ) -> Result<(), Error> {
        let place = (stored.tenant.clone(), stored.subject.clone());
        refused.remove(&place);
        match self.apply_in_pass(edit) {
            Err(error) if edit.is_changed() && !is_of_all(error.kind()) => {
                refused.insert(place, error);
                Ok(())
            }
            result => result.map(drop),
        }
    }
}

/// What was refused of envelopes of which something else was made good.
#[cfg(feature = "file")]
type Refused = BTreeMap<(String, SubjectId), Error>;

#[cfg(feature = "file")]
fn with(mut pass: PassReport, refused: Refused) -> PassReport {
    let told = refused.into_iter().map(|((tenant, subject), error)| (tenant, subject, error));
    // One that could not be stored either is told already.
    for one in told {
        if !pass.failed.iter().any(|(tenant, subject, _)| (tenant, subject) == (&one.0, &one.1)) {
            pass.failed.push(one);
        }
    }
    pass
}
