//! Work on whole stores, run.

#[cfg(feature = "file")]
use alloc::collections::BTreeMap;
use alloc::format;
#[cfg(feature = "file")]
use alloc::string::String;

#[cfg(feature = "file")]
use super::keys::is_of_all;
use super::keys::{
    AskStore, AsyncKeyStore, KeyStore, PassReport, StoredEnvelope, change_all, drive, drive_async,
};
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
        let ask = AskStore::new();
        drive(store, on, &ask, plan(&ask, access.into()))
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
        let ask = AskStore::new();
        drive(store, on, &ask, run(&ask, *self, access.into()))
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
        let ask = AskStore::new();
        drive(store, on, &ask, run_planned(&ask, *self, access.into(), plan))
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
        let access = access.into();
        async move {
            let ask = AskStore::new();
            drive_async(store, on, &ask, plan(&ask, access)).await
        }
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
            let ask = AskStore::new();
            drive_async(store, on, &ask, run(&ask, *self, access)).await
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
        let access = access.into();
        async move {
            let ask = AskStore::new();
            drive_async(store, on, &ask, run_planned(&ask, *self, access, plan)).await
        }
    }
}

async fn plan(ask: &AskStore, access: Access<'_>) -> Result<SweepPlan, Error> {
    let mut plan = SweepPlan::at(access.time().now()?);
    let pass = change_all(ask, access, |stored, _| count(&mut plan, stored)).await?;
    planned(plan, pass)
}

async fn run(ask: &AskStore, asked: Sweep, access: Access<'_>) -> Result<PassReport, Error> {
    let plan = plan(ask, access).await?;
    run_planned(ask, asked, access, &plan).await
}

async fn run_planned(
    ask: &AskStore,
    asked: Sweep,
    access: Access<'_>,
    plan: &SweepPlan,
) -> Result<PassReport, Error> {
    asked.check(plan)?;
    // By the time that was looked at.
    let access = access.at(plan.now);
    change_all(ask, access, |stored, edit| sweep(plan, stored, edit)).await
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
        let ask = AskStore::new();
        drive(store, on, &ask, self.run_asking(&ask, access.into()))
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
            let ask = AskStore::new();
            drive_async(store, on, &ask, self.run_asking(&ask, access)).await
        }
    }

    async fn run_asking(&self, ask: &AskStore, access: Access<'_>) -> Result<PassReport, Error> {
        let mut refused = Refused::new();
        read_ledgers(access)?;
        let play = |stored: &StoredEnvelope, edit: &mut EnvelopeEdit<'_>| {
            self.play(stored, edit, &mut refused)
        };
        let pass = change_all(ask, access, play).await?;
        Ok(with(pass, refused))
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
