//! Changes of one subject, in a transaction whose end is looked at.

use fieldseal::{AsyncKeyStore as _, Id, KeyEnvelope};
use sqlx::{Connection, Database as _, Sqlite};

use super::{Database, on_store, refused};
use crate::args::stores::Store;
use crate::exit::{Exit, Failure};
use crate::session::Session;

/// A change whose COMMIT was sent.
pub(crate) struct Committed<T> {
    pub(crate) made: T,
    /// Why the answer to the COMMIT is not known.
    lost: Option<sqlx::Error>,
}

/// Runs a change in a transaction, and commits it. When the change fails, the database is left as it was.
pub(crate) async fn commit<C: Connection, T>(
    name: &str,
    on: &mut C,
    change: impl AsyncFnOnce(&mut C) -> Result<T, Failure>,
) -> Result<Committed<T>, Failure> {
    // A transaction of SQLite that has read can be refused when it writes.
    let begin = if C::Database::NAME == Sqlite::NAME { "BEGIN IMMEDIATE" } else { "BEGIN" };
    let mut transaction = on.begin_with(begin).await.map_err(|error| refused(name, &error))?;
    // What is dropped is rolled back.
    let made = change(&mut transaction).await?;
    let lost = transaction.commit().await.err();
    Ok(Committed { made, lost })
}

/// The one subject that a command is about, and where its envelope is.
pub(crate) struct OfOne<'a> {
    pub(crate) store: &'a Store,
    pub(crate) tenant: &'a str,
    pub(crate) subject: &'a Id,
    pub(crate) session: &'a Session<'a>,
}

/// A change that is not known to be stored.
pub(crate) struct NotStored {
    pub(crate) failure: Failure,
    /// Whether it may be stored all the same.
    pub(crate) unknown: bool,
}

impl From<NotStored> for Failure {
    fn from(not_stored: NotStored) -> Self {
        not_stored.failure
    }
}

impl From<fieldseal::Error> for NotStored {
    fn from(error: fieldseal::Error) -> Self {
        Self { failure: error.into(), unknown: true }
    }
}

impl<T> Committed<T> {
    /// Reads back what the change left. Without an answer, on a new connection. `act` names the change in a
    /// sentence: "the erasure".
    pub(crate) async fn look(
        &self,
        database: Database,
        of: &OfOne<'_>,
        envelope: &KeyEnvelope,
        act: &str,
    ) -> Result<(), NotStored> {
        let not = |error, next| NotStored {
            failure: Failure::new(Exit::File, error, next),
            unknown: false,
        };
        let name = database.name.clone();
        let (version, loaded) = (envelope.version()?, self.loaded(database, of).await);
        let stored = loaded.map_err(|failure| NotStored {
            failure: unknown(&name, self.lost.as_ref(), act, &failure),
            unknown: true,
        })?;
        if let Some(stored) = &stored
            && stored != envelope
            && stored.version().is_ok_and(|other| other > version)
        {
            // Nobody vouches for the number of a version.
            return Err(NotStored {
                failure: Failure::new(
                    Exit::File,
                    format!(
                        "{name}: the database holds another version of the key envelope after this one: whether {act} is \
                         in it is unknown"
                    ),
                    "run the same again; it does nothing twice",
                ),
                unknown: true,
            });
        }
        match (stored.is_some_and(|stored| stored == *envelope), &self.lost) {
            (true, None) => Ok(()),
            (true, Some(error)) => {
                of.session.output.warning(format_args!(
                    "{name}: the answer to COMMIT was lost ({error}); the database was asked again, and {act} is stored"
                ));
                Ok(())
            }
            (false, Some(error)) => Err(not(
                format!("{name}: COMMIT failed ({error}), and {act} is not stored"),
                "run this again; the ledger contains the act already, so a replay would make it good, too",
            )),
            (false, None) => Err(not(
                format!("{name}: the database accepted {act} and does not hold it"),
                "look for a trigger or a rule of the table that undoes changes, remove it, and run this again",
            )),
        }
    }

    async fn loaded(
        &self,
        mut database: Database,
        of: &OfOne<'_>,
    ) -> Result<Option<KeyEnvelope>, Failure> {
        let OfOne { store, tenant, subject, session } = *of;
        if self.lost.is_some() {
            drop(database);
            let (again, _) = Database::open_one(store, tenant, session).await?;
            database = again;
        }
        let place = super::Place::of_one(store, tenant);
        // Locked, so that a COMMIT which the server still works on is waited for.
        let loaded = on_store!(database.connection, place, |store, on| {
            store.load_locked(on, tenant, subject).await
        });
        loaded.map_err(|error| super::answered(&database.name, error))
    }
}

/// Nobody can tell what became of it.
fn unknown(name: &str, lost: Option<&sqlx::Error>, act: &str, failure: &Failure) -> Failure {
    let why = match lost {
        Some(error) => format!("the answer to COMMIT was lost ({error})"),
        None => "the database answered the COMMIT".to_owned(),
    };
    Failure::new(
        Exit::File,
        format!(
            "{name}: {why}, and it could not be asked again ({}): whether {act} is stored is unknown",
            failure.error
        ),
        "run the same again when the database answers; it does nothing twice",
    )
}
