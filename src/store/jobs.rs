//! Work on whole stores, run.

use super::keys::{AsyncKeyStore, KeyStore, Pass, StoredEnvelope, change_all_async};
use crate::access::Access;
use crate::envelope::EnvelopeEdit;
use crate::error::Error;
use crate::jobs::{Sweep, SweepPlan};
#[cfg(feature = "file")]
use crate::ledger::Replay;

impl Sweep {
    /// Counts what a sweep of the store would erase. Envelopes that cannot be verified are not counted.
    ///
    /// # Errors
    /// Those of [`KeyStore::change_all`].
    pub fn plan<'a, S: KeyStore>(
        &self,
        store: &S,
        on: &S::Connection,
        access: impl Into<Access<'a>>,
    ) -> Result<SweepPlan, Error> {
        let access = access.into();
        let mut plan = SweepPlan::at(access.time().now()?);
        let _failed_again = store.change_all(on, access, |stored, _| {
            plan.count(&stored.envelope.inspect()?);
            Ok(())
        })?;
        Ok(plan)
    }

    /// Sweeps the store.
    ///
    /// # Errors
    /// [`Unconfirmed`](crate::ErrorKind::Unconfirmed), and then nothing was erased; those of
    /// [`KeyStore::change_all`].
    pub fn run<'a, S: KeyStore>(
        &self,
        store: &S,
        on: &S::Connection,
        access: impl Into<Access<'a>>,
    ) -> Result<Pass, Error> {
        let access = access.into();
        let plan = self.plan(store, on, access)?;
        self.check(&plan)?;
        // By the time that was looked at.
        store.change_all(on, access.at(plan.now), |_, edit| edit.sweep().map(drop))
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
    ) -> impl Future<Output = Result<Pass, Error>> + Send {
        let access = access.into();
        async move {
            let plan = plan(store, on, access).await?;
            self.check(&plan)?;
            // By the time that was looked at.
            let access = access.at(plan.now);
            change_all_async(store, on, access, &mut |_, edit| edit.sweep().map(drop)).await
        }
    }
}

async fn plan<S: AsyncKeyStore>(
    store: &S,
    on: &mut S::Connection,
    access: Access<'_>,
) -> Result<SweepPlan, Error> {
    let mut plan = SweepPlan::at(access.time().now()?);
    let mut count = |stored: &StoredEnvelope, _: &mut EnvelopeEdit<'_>| {
        plan.count(&stored.envelope.inspect()?);
        Ok(())
    };
    let _failed_again = change_all_async(store, on, access, &mut count).await?;
    Ok(plan)
}

#[cfg(feature = "file")]
impl Replay<'_> {
    /// Makes good in a store what the ledgers say.
    ///
    /// # Errors
    /// Those of [`KeyStore::change_all`]; what is wrong with one envelope is in the [`Pass`].
    pub fn run<'a, S: KeyStore>(
        &self,
        store: &S,
        on: &S::Connection,
        access: impl Into<Access<'a>>,
    ) -> Result<Pass, Error> {
        store.change_all(on, access, |stored, edit| {
            self.apply(&stored.tenant, &stored.subject, edit).map(drop)
        })
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
    ) -> impl Future<Output = Result<Pass, Error>> + Send {
        let access = access.into();
        async move {
            let mut change = |stored: &StoredEnvelope, edit: &mut EnvelopeEdit<'_>| {
                self.apply(&stored.tenant, &stored.subject, edit).map(drop)
            };
            change_all_async(store, on, access, &mut change).await
        }
    }
}
