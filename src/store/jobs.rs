//! Work on whole stores, run.

#[cfg(feature = "file")]
use alloc::collections::BTreeMap;
#[cfg(feature = "file")]
use alloc::string::String;

#[cfg(feature = "file")]
use super::keys::is_of_all;
use super::keys::{AsyncKeyStore, KeyStore, Pass, StoredEnvelope, change_all_async};
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
        let mut refused = Refused::new();
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
    ) -> impl Future<Output = Result<Pass, Error>> + Send {
        let access = access.into();
        async move {
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
        match self.apply(&stored.tenant, &stored.subject, edit) {
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
fn with(mut pass: Pass, refused: Refused) -> Pass {
    let told = refused.into_iter().map(|((tenant, subject), error)| (tenant, subject, error));
    // One that could not be stored either is told already.
    for one in told {
        if !pass.failed.iter().any(|(tenant, subject, _)| (tenant, subject) == (&one.0, &one.1)) {
            pass.failed.push(one);
        }
    }
    pass
}
