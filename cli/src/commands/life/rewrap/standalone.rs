//! Columns of standalone envelopes.

use fieldseal::envelope::SealedInfo;
use fieldseal::{Access, Error, KeyRing};
use serde_json::{Value, json};

use super::{Left, names_former};
use crate::exit::{Exit, Failure};
use crate::output::printable;
use crate::session::Session;
use crate::stores::counted;
use crate::stores::{Database, Replaced, Standalone, answered};

/// How many values are replaced in a transaction.
const PAGE: usize = 256;

/// How many values a warning names.
const EXAMPLES: usize = 3;

/// What became of a column.
#[derive(Default)]
pub(super) struct Rewrapped {
    name: String,
    pub(super) seen: u64,
    changed: u64,
    /// The rows that stayed as they were, and why.
    failed: Vec<(String, String)>,
    /// How many values name a former key in the end.
    left: u64,
}

impl Rewrapped {
    pub(super) fn json(&self) -> Value {
        let failed = self.failed.iter().map(|(row, why)| json!({ "row": row, "error": why }));
        json!({
            "place": self.name,
            "seen": self.seen,
            "changed": self.changed,
            "failed": failed.collect::<Vec<_>>(),
            "left": self.left,
        })
    }

    pub(super) fn text(&self) -> String {
        format!(
            "{}: {} of {} wrapped anew",
            self.name,
            self.changed,
            counted(self.seen, "standalone envelope was", "standalone envelopes were")
        )
    }

    /// Says what stayed as it was, and how the run ends.
    pub(super) fn end(all: &[Self], session: &Session<'_>) -> Exit {
        let warn = |text: String| session.output.warning(printable(&text));
        for Self { name, seen, failed, left, .. } in all {
            for (row, why) in failed.iter().take(EXAMPLES) {
                warn(format!("{name}: {row}: {why}"));
            }
            if let Some(more) = failed.len().checked_sub(EXAMPLES).filter(|more| *more > 0) {
                warn(format!("{name}: and {more} more; --json lists every one"));
            }
            if *seen == 0 {
                warn(format!("{name}: no envelope is there"));
            }
            if *left > 0 {
                let values = counted(*left, "value still names", "values still name");
                warn(format!("{name}: {values} a former key"));
            }
        }
        if all.iter().all(|one| one.left == 0 && one.failed.is_empty()) {
            return Exit::Done;
        }
        session.output.next(
            "name the readers that these values were sealed for (--readers), and whose they are (--tenant behind \
             --standalone), and run this again; what is done is not done twice",
        );
        Exit::Partly
    }
}

/// Wraps the standalone envelopes of a column under the present keys of the ring.
///
/// The rows are found first, and each value is replaced while it is the one that was read, so that a run which was
/// ended goes on where it was, and never meets what it wrote.
pub(super) async fn rewrap(
    database: &mut Database,
    Standalone { name, column, tenant }: &Standalone,
    ring: &KeyRing,
    readers: &[&str],
    left: &mut Left,
) -> Result<Rewrapped, Failure> {
    let access = Access::new(ring).tenant(tenant);
    database.check_sees_column(column).await.map_err(|error| answered(name, error))?;
    let names_former = |sealed: &[u8]| match SealedInfo::from_bytes(sealed) {
        Ok(SealedInfo::Standalone(info)) => names_former(&info.envelope, ring),
        // It is named among those that failed.
        _ => true,
    };
    let (seen, rows) = database.rows_of(column, names_former).await?;
    let mut done = Rewrapped { name: name.clone(), seen, ..Rewrapped::default() };
    for page in rows.chunks(PAGE) {
        let mut rewrapped = Vec::new();
        let by = |sealed: &[u8]| -> Result<Option<Vec<u8>>, Error> {
            if !names_former(sealed) {
                return Ok(None);
            }
            let again = access.rewrap_standalone_for(readers, sealed)?;
            rewrapped.push(again.rewrapped);
            Ok(Some(again.envelope))
        };
        let replaced = database.replace(column, page, by).await?;
        for one in rewrapped {
            left.count(one);
        }
        for (row, replaced) in page.iter().zip(replaced) {
            match replaced {
                Replaced::Done => done.changed = done.changed.saturating_add(1),
                Replaced::Kept => {}
                Replaced::Changed => done.failed.push((
                    row.to_string(),
                    "another value was stored meanwhile, or the row is gone: run this again"
                        .to_owned(),
                )),
                Replaced::Failed(error) => done.failed.push((row.to_string(), error.to_string())),
            }
        }
    }
    // What a trigger undid, or another application stored, is seen here.
    let (_, still) = database.rows_of(column, names_former).await?;
    done.left = u64::try_from(still.len()).unwrap_or(u64::MAX);
    Ok(done)
}
