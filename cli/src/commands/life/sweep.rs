//! `fieldseal sweep`.

use fieldseal::{Access, Sweep as Sweeping, SweepPlan};
use serde_json::json;

use super::subject::{Passed, of_seen};
use crate::args::subjects::Sweep;
use crate::exit::{Exit, Failure};
use crate::output::counted;
use crate::secrets::confirm::confirm;
use crate::session::Session;
use crate::stores::{Purpose, answered, on_store, open_all, wait};

pub(in crate::commands) fn run(asked: &Sweep, session: &Session<'_>) -> Result<Exit, Failure> {
    let mut sweep = Sweeping::at_most_percent(asked.at_most_percent.unwrap_or_default());
    if let Some(days) = asked.clock_gap_days {
        sweep = sweep.clock_gap_days(days);
    }
    let ring = session.open(&asked.unlocking)?.into_ring();
    let access = Access::new(&ring);
    let purpose = if asked.plan { Purpose::Reads } else { Purpose::Changes };
    let (plans, passed) = wait(async {
        let mut databases = open_all(&asked.stores, purpose, session).await?;
        // Nothing is erased before every place was looked at.
        let mut plans: Vec<(String, SweepPlan)> = Vec::new();
        for database in &mut databases {
            for place in &database.places {
                let plan = on_store!(database.connection, place, |store, on| {
                    sweep.plan_async(&store, on, access).await
                });
                let plan = plan.map_err(|error| answered(&place.name, error))?;
                plans.push((place.name.clone(), plan));
            }
        }
        if asked.plan {
            return Ok((plans, Vec::new()));
        }
        let mut objections = Vec::new();
        for (place, plan) in &plans {
            if let Err(error) = sweep.check(plan) {
                objections.push(format!("{place}: {error}"));
            }
        }
        if !objections.is_empty() {
            let why = objections.join("\n");
            confirm(&why, "sweep", &asked.confirmed, session.common).map_err(|failure| {
                Failure { error: format!("{}: {why}", failure.error), ..failure }
            })?;
            sweep = sweep.confirmed();
        }
        let mut passed = Vec::new();
        for database in &mut databases {
            for place in &database.places {
                let pass = on_store!(database.connection, place, |store, on| {
                    sweep.run_async(&store, on, access).await
                });
                let pass = pass.map_err(|error| answered(&place.name, error))?;
                passed.push(Passed { place: place.name.clone(), pass });
            }
        }
        Ok((plans, passed))
    })?;
    // Both are said, whatever becomes of the output.
    let said = report(asked, session, &plans, &passed);
    let exit = Passed::end(&passed, session);
    said.map(|()| exit)
}

fn report(
    asked: &Sweep,
    session: &Session<'_>,
    plans: &[(String, SweepPlan)],
    passed: &[Passed],
) -> Result<(), Failure> {
    let mut text = Vec::new();
    let mut places = Vec::new();
    for (place, plan) in plans {
        let SweepPlan { with_term, expired, now, newest, .. } = *plan;
        let done = passed.iter().find(|one| one.place == *place);
        let mut json = done.map_or_else(|| json!({ "place": place }), Passed::json);
        if let Some(members) = json.as_object_mut() {
            members.insert("generations_with_term".into(), json!(with_term));
            members.insert("expired".into(), json!(expired));
            members.insert("now".into(), json!(now));
            members.insert("newest".into(), json!(newest));
        }
        places.push(json);
        let of_all = counted(with_term, "generation", "generations");
        text.push(match done {
            None => format!("{place}: {expired} of {of_all} with a term would be erased"),
            Some(done) => format!(
                "{place}: {expired} of {of_all} with a term had expired; {} changed",
                of_seen(&done.pass)
            ),
        });
    }
    let json = json!({ "plan": asked.plan, "places": places });
    if asked.plan {
        return session.output.result(&json, &text.join("\n"));
    }
    session.output.done(&json, &text.join("\n"))
}
