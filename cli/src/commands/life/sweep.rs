//! `fieldseal sweep`.

use fieldseal::Access;
use fieldseal::jobs::{Sweep as Sweeping, SweepPlan};
use serde_json::json;

use super::subject::{Beside, Passed, of_seen, shown};
use crate::args::stores::subjects::Sweep;
use crate::exit::{Exit, Failure};
use crate::output::printable;
use crate::secrets::confirm::confirm;
use crate::session::Session;
use crate::stores::counted;
use crate::stores::{Purpose, answered, on_store, open_all, wait};
use crate::times;

pub(in crate::commands) fn run(asked: &Sweep, session: &Session<'_>) -> Result<Exit, Failure> {
    let mut sweep = Sweeping::at_most_percent(asked.at_most_percent.unwrap_or_default());
    if let Some(days) = asked.clock_gap_days {
        sweep = sweep.clock_gap_days(days);
    }
    if let Some(at) = asked.last_run {
        sweep = sweep.last_run(at);
    }
    let ring = session.open(&asked.unlocking)?.into_ring();
    let access = Access::new(&ring);
    let purpose = if asked.plan { Purpose::Reads } else { Purpose::Changes };
    let mut beside = Beside::new();
    let (plans, passed) = wait(async {
        let mut databases = open_all(&asked.stores, purpose, session).await?;
        // Nothing is erased before every place was looked at.
        let mut plans: Vec<(String, SweepPlan)> = Vec::new();
        for database in &mut databases {
            beside.note(database).await?;
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
            // What is confirmed is every plan, so every plan is shown.
            objections.extend(plans.iter().map(|(place, plan)| would(place, plan)));
            let why = objections.join("\n");
            confirm(&why, "sweep", &asked.confirmed, session.common).map_err(|failure| {
                Failure { error: format!("{}: {why}", failure.error), ..failure }
            })?;
            sweep = sweep.confirmed();
        }
        let mut passed: Vec<Passed> = Vec::new();
        let mut planned = plans.iter();
        for database in &mut databases {
            for place in &database.places {
                // One plan was made for each place, in this order.
                let Some((_, plan)) = planned.next() else { continue };
                let pass = on_store!(database.connection, place, |store, on| {
                    sweep.run_planned_async(&store, on, access, plan).await
                });
                let pass = pass.map_err(|error| after(answered(&place.name, error), &passed))?;
                passed.push(Passed { place: place.name.clone(), pass });
            }
        }
        Ok((plans, passed))
    })?;
    // Both are said, whatever becomes of the output.
    let said = report(asked, session, &plans, &passed);
    let is_partly = warn(&plans, asked.plan, session);
    let exit =
        if asked.plan { planned_end(&plans, session) } else { Passed::end(&passed, 0, session) };
    let exit = beside.end(if is_partly { Exit::Partly } else { exit }, session);
    said.map(|()| exit)
}

/// How a plan ends: a plan over nothing is one of the wrong places.
fn planned_end(plans: &[(String, SweepPlan)], session: &Session<'_>) -> Exit {
    let is_empty = |plan: &SweepPlan| plan.envelopes == 0 && plan.failed == 0 && plan.unnamed == 0;
    if plans.is_empty() || !plans.iter().all(|(_, plan)| is_empty(plan)) {
        return Exit::Done;
    }
    for (place, _) in plans {
        session.output.warning(printable(&format!("{place}: no envelope is there")));
    }
    session.output.next("name the databases, columns and tenants that hold envelopes");
    Exit::Partly
}

/// What a plan would erase.
fn would(place: &str, plan: &SweepPlan) -> String {
    format!(
        "{place}: {} of {} with a term would be erased",
        plan.expired,
        counted(plan.with_term, "generation", "generations")
    )
}

/// A failure in one place, where others are swept already.
fn after(failure: Failure, passed: &[Passed]) -> Failure {
    if passed.is_empty() {
        return failure;
    }
    let done: Vec<_> =
        passed.iter().map(|one| format!("{} ({} changed)", one.place, one.pass.changed)).collect();
    Failure { error: format!("{}; swept before it: {}", failure.error, done.join(", ")), ..failure }
}

/// Says what the plans did not count, and whose clock was wrong. Whether something was not counted.
fn warn(plans: &[(String, SweepPlan)], is_plan: bool, session: &Session<'_>) -> bool {
    let mut is_partly = false;
    for (place, plan) in plans {
        if plan.ahead > 0 {
            let named = plan.examples_ahead().map(|(tenant, subject, at)| {
                let of = if tenant.is_empty() { String::new() } else { format!(" of {tenant}") };
                format!("{}{of} ({})", shown(subject), times::instant(at))
            });
            session.output.warning(printable(&format!(
                "{place}: {} made by a clock that was ahead, or this one is behind: {}",
                counted(plan.ahead, "envelope was", "envelopes were"),
                named.collect::<Vec<_>>().join(", ")
            )));
        }
        // A pass reports these itself.
        if is_plan && plan.failed.saturating_add(plan.unnamed) > 0 {
            is_partly = true;
            session.output.warning(printable(&format!(
                "{place}: {} counted, as they cannot be verified or name no subject",
                counted(
                    plan.failed.saturating_add(plan.unnamed),
                    "envelope was not",
                    "envelopes were not"
                )
            )));
        }
    }
    is_partly
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
        let SweepPlan { with_term, expired, now, .. } = *plan;
        let done = passed.iter().find(|one| one.place == *place);
        let mut json = done.map_or_else(|| json!({ "place": place }), Passed::json);
        if let Some(members) = json.as_object_mut() {
            members.insert("generations_with_term".into(), json!(with_term));
            members.insert("expired".into(), json!(expired));
            members.insert("not_counted".into(), json!(plan.failed.saturating_add(plan.unnamed)));
            members.insert("ahead".into(), json!(plan.ahead));
            members.insert("now".into(), json!(now));
            members.insert("newest".into(), json!(plan.newest()));
        }
        places.push(json);
        let of_all = counted(with_term, "generation", "generations");
        text.push(match done {
            None => would(place, plan),
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
