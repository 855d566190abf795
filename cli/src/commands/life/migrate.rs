//! `fieldseal store migrate`.

use fieldseal::store::SqlxKeyStore;
use serde_json::json;

use crate::args::stores::life::Migrate;
use crate::exit::Failure;
use crate::session::Session;
use crate::stores::{Connection, Database, Purpose, answered, wait};

pub(in crate::commands) fn run(asked: &Migrate, session: &Session<'_>) -> Result<(), Failure> {
    let purpose = if asked.create { Purpose::Makes } else { Purpose::Changes };
    let name = wait(async {
        let mut database = Database::connect(&asked.url.from(), purpose, session).await?;
        let made = match &mut database.connection {
            Connection::Sqlite(on) => store::<sqlx::Sqlite>(asked.inline_only)?.migrate(on).await,
            Connection::Postgres(on) => {
                store::<sqlx::Postgres>(asked.inline_only)?.migrate(on).await
            }
        };
        made.map_err(|error| answered(&database.name, error))?;
        Ok(database.name)
    })?;
    let mut tables = vec!["fieldseal_keys", "fieldseal_reseal"];
    if asked.inline_only {
        tables.remove(0);
    }
    let text = format!("{name} has the tables {}", tables.join(" and "));
    session.output.done(&json!({ "store": name, "tables": tables }), &text)
}

/// Of an inline column only the queue is made, whatever the column.
fn store<DB: fieldseal::store::SqlxDatabase>(inline: bool) -> Result<SqlxKeyStore<DB>, Failure> {
    if inline {
        let any = fieldseal::store::SubjectColumn::Integer;
        return Ok(SqlxKeyStore::inline("any", ("id", any), "keys")?);
    }
    Ok(SqlxKeyStore::new())
}
