//! `fieldseal census`.

use fieldseal::keyring::{Census as Counted, KeyState};
use fieldseal::{AsyncKeyStore as _, ErrorKind};
use serde_json::{Value, json};

use super::unopened;
use crate::args::stores::life::Census;
use crate::args::stores::{Column, Stores};
use crate::exit::{Exit, Failure};
use crate::output::printable;
use crate::session::Session;
use crate::stores::counted;
use crate::stores::{
    Database, Place, Purpose, Standalone, What, answered, on_store, open_all, wait,
};

pub(in crate::commands) fn run(asked: &Census, session: &Session<'_>) -> Result<Exit, Failure> {
    let mut census = Counted::new();
    let ring = name_keys(&mut census, session)?;
    let looked_at = count(&asked.stores, &mut census, session)?;

    let unopened = match ring {
        true => Some(unopened::count(&asked.stores, &census, session)?),
        false => None,
    };

    let mut json = serde_json::to_value(&census).unwrap_or(Value::Null);
    if let Some(members) = json.as_object_mut() {
        members.insert("ring".into(), json!(ring.then(|| session.path().display().to_string())));
        members.insert("looked_at".into(), json!(looked_at));
        members.insert("for_destroyed_keys_only".into(), json!(unopened));
    }
    let mut text: Vec<_> = census.to_string().lines().map(printable).collect();
    let is_empty = |name: &&String| !census.places().any(|place| place.place == **name);
    text.extend(looked_at.iter().filter(is_empty).map(|name| format!("{name}: empty")));
    session.output.result(&json, &text.join("\n"))?;

    if let Some(unopened) = unopened.filter(|number| *number > 0) {
        session.output.warning(format_args!(
            "{} wrapped for destroyed keys only: nobody opens {} with this ring",
            counted(unopened, "live generation is", "live generations are"),
            if unopened == 1 { "it" } else { "them" }
        ));
    }
    let missed = census.missed();
    if !missed.is_empty() {
        for missed in &missed {
            session.output.warning(printable(missed));
        }
        session.output.next(
            "count what was missed too, and by a role that sees every row: no key is retired by a part",
        );
        return Ok(Exit::Partly);
    }
    if census.unreadable() > 0 {
        session.output.warning(format_args!(
            "{}, or cannot be read: nobody knows which keys are needed there, and no key is retired",
            counted(census.unreadable(), "stored value is no envelope", "stored values are no envelopes")
        ));
        return Ok(Exit::Malformed);
    }
    let unneeded = census.keys().find(|key| {
        let may_go = key.state.is_some_and(|state| state.may_become(KeyState::Destroyed));
        may_go && key.envelopes == 0
    });
    if let Some(key) = unneeded.filter(|_| census.envelopes() > 0) {
        session.output.next(format_args!(
            "nothing counted here needs the key {}: fieldseal retire {} with the same databases, when these are all \
             that there are",
            key.id, key.id
        ));
    }
    Ok(Exit::Done)
}

/// Names the keys from what the ring's file says in the clear. Whether there is one.
fn name_keys(census: &mut Counted, session: &Session<'_>) -> Result<bool, Failure> {
    let ring = session.names()?;
    if let Some(ring) = &ring {
        census.name_locked_keys(ring);
    }
    Ok(ring.is_some())
}

/// Counts everything in the databases that were said. The names of the places, empty ones too.
pub(super) fn count(
    stores: &Stores,
    census: &mut Counted,
    session: &Session<'_>,
) -> Result<Vec<String>, Failure> {
    wait(async {
        let mut looked_at = Vec::new();
        for mut database in open_all(stores, Purpose::Reads, session).await? {
            let standalone = database.standalone.iter().map(|column| &column.name);
            let places = database.places.iter().map(|place| &place.name);
            looked_at.extend(places.chain(standalone).cloned());
            count_one(&mut database, census).await?;
        }
        Ok(looked_at)
    })
}

async fn count_one(database: &mut Database, census: &mut Counted) -> Result<(), Failure> {
    for place in &database.places {
        let unreadable = census.unreadable();
        let done = on_store!(database.connection, place, |store, on| {
            store.census(on, &place.name, census).await
        });
        match done {
            Ok(()) => {}
            // The census records what it missed.
            Err(error) if error.kind() == ErrorKind::Incomplete => {}
            // Those that cannot be read are in the census, which says so.
            Err(error) if error.kind() != ErrorKind::Io && census.unreadable() > unreadable => {}
            Err(error) => return Err(answered(&place.name, error)),
        }
    }
    if !database.places.iter().any(|place| matches!(place.what, What::Own)) {
        // It may be there, and off the search path.
        let own = Place::own();
        let noted = on_store!(database.connection, own, |store, on| {
            store.note_tables(on, census).await
        });
        noted.map_err(|error| answered(&own.name, error))?;
    }
    for Standalone { name, column, .. } in std::mem::take(&mut database.standalone) {
        note_standalone(database, &name, &column, census).await?;
        let count = |stored: &[u8]| match str::from_utf8(stored) {
            Ok(text) if text.starts_with("fs1.") => drop(census.at(&name).add_text(text)),
            _ => drop(census.at(&name).add(stored)),
        };
        database.each_value(&column, count).await?;
    }
    Ok(())
}

/// Records where a column of standalone envelopes is seen in part, and which other tables have one of its
/// name.
async fn note_standalone(
    database: &mut Database,
    name: &str,
    column: &Column,
    census: &mut Counted,
) -> Result<(), Failure> {
    let seen = match database.check_sees_column(column).await {
        Ok(()) => {
            let place = Place::of_column(column);
            on_store!(database.connection, place, |store, on| store.note_tables(on, census).await)
        }
        seen => seen,
    };
    match seen {
        Err(error) if error.kind() == ErrorKind::Incomplete => {
            census.at(name).add_part(&error.to_string());
            Ok(())
        }
        seen => seen.map_err(|error| answered(name, error)),
    }
}
