//! Sweeps by the command line: what they erase, refuse and say.

use std::fs;

use fieldseal::{Access, Class, DataKeys};

use crate::common::Place;
use crate::common::stores::{DAY, OWN};

#[test]
fn a_sweep_of_several_databases_shows_every_plan_and_keeps_to_it() {
    let place = Place::with_shop();
    let orders = Class::new("orders").retain_days(30);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    place.ok(&["store", "migrate", "--store", "sqlite:other.db", "--create"]);
    for file in ["shop.db", "other.db"] {
        let shop = place.shop_in(file);
        for (subject, days) in [(1, 60), (2, 0)] {
            let made = Access::new(&shop.ring).at(now - days * DAY);
            shop.save(subject, &DataKeys::create(made, subject, [orders]).unwrap());
        }
    }
    let both = ["--store", "sqlite:shop.db", "--store", "sqlite:other.db"];
    let sweep = |args: &[&str]| place.run(&[&["sweep"][..], args, &both].concat());
    let asked = sweep(&["--at-most-percent", "10"]);
    for file in ["shop.db", "other.db"] {
        let plan = format!(
            "{file}: fieldseal_keys.envelope: 1 of 2 generations with a term would be erased"
        );
        assert!(asked.code == 8 && asked.err.contains(&plan), "{asked:?}");
    }
    assert_eq!(sweep(&["--at-most-percent", "10", "--yes"]).code, 0);
}

#[test]
fn a_plan_over_nothing_is_not_called_done() {
    let place = Place::with_shop();
    for args in [&["--plan"][..], &["--at-most-percent", "10"]] {
        let ran = place.run(&[&["sweep"][..], args, &OWN].concat());
        assert!(ran.code == 11 && ran.err.contains("no envelope is there"), "{ran:?}");
    }
    place.shop().sign_up(1);
    assert_eq!(place.run(&[&["sweep", "--plan"][..], &OWN].concat()).code, 0);
}

#[test]
fn a_sweep_says_what_it_could_not_count_and_whose_clock_was_wrong() {
    let place = Place::with_shop();
    let shop = place.shop();
    let orders = Class::new("orders").retain_days(30);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    for (subject, at) in [(1, now - 60 * DAY), (2, now), (3, now), (4, now + 400 * DAY)] {
        let made = Access::new(&shop.ring).at(at);
        shop.save(subject, &DataKeys::create(made, subject, [orders]).unwrap());
    }
    let sweep = |args: &[&str]| place.run(&[&["sweep"][..], args, &OWN].concat());
    let plan = sweep(&["--plan"]);
    assert!(plan.err.contains("1 envelope was made by a clock that was ahead"), "{plan:?}");
    assert!(plan.code == 0 && plan.err.contains(": 4 ("), "{plan:?}");
    let wrong = sweep(&["--at-most-percent", "50", "--last-run", "yesterday"]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    let swept = sweep(&["--at-most-percent", "50", "--last-run", "2026-01-01T00:00:00Z"]);
    assert_eq!(swept.code, 0, "{swept:?}");

    // A ring that verifies nothing has nothing to say.
    let other = Place::with_shop();
    fs::copy(place.path("shop.db"), other.path("shop.db")).unwrap();
    let plan = other.run(&[&["sweep", "--plan"][..], &OWN].concat());
    plan.failed(9, "not one of the 4 key envelopes can be verified", "ring");
    // Nor is an empty database swept.
    let empty = Place::with_shop();
    let ran = empty.run(&[&["sweep", "--at-most-percent", "5"][..], &OWN].concat());
    assert!(ran.code == 11 && ran.err.contains("no envelope is there"), "{ran:?}");
}

#[test]
fn a_hundred_equal_failures_are_one_line() {
    let place = Place::with_shop();
    for subject in 1..=30 {
        place.shop().sign_up(subject);
    }
    place.shop().run("UPDATE fieldseal_keys SET tenant = 'acme'");
    let ran = place.run(&[&["sweep", "--at-most-percent", "5", "--plan"][..], &OWN].concat());
    assert!(ran.err.lines().count() < 5, "{ran:?}");
    let replay = place.run(&[&["ledger", "replay", "ledger"][..], &OWN].concat());
    assert!(replay.code == 11 && replay.err.contains("and 27 more: "), "{replay:?}");
    assert!(replay.err.lines().count() < 8, "{replay:?}");
}

#[test]
fn sweep_erases_what_is_past_its_term_and_asks_where_it_is_much() {
    let place = Place::with_shop();
    let shop = place.shop();
    let orders = Class::new("orders").retain_days(30);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    for (subject, days) in [(1, 60), (2, 0), (3, 0), (4, 0)] {
        let made = Access::new(&shop.ring).at(now - days * DAY);
        shop.save(subject, &DataKeys::create(made, subject, [orders]).unwrap());
    }
    let sweep = |args: &[&str]| place.run(&[&["sweep"][..], args, &OWN].concat());
    let missing = sweep(&[]);
    assert_eq!(missing.code, 2, "{missing:?}");
    let plan = sweep(&["--plan"]);
    assert!(plan.out.contains("1 of 4 generations with a term would be erased"), "{plan:?}");
    let before = shop.envelope(1);
    sweep(&["--at-most-percent", "10"]).failed(8, "1 of the 4 generations", "--yes");
    assert_eq!(shop.envelope(1), before);
    let swept = place.json(&[&["sweep", "--at-most-percent", "30"][..], &OWN].concat());
    let of = &swept["places"][0];
    assert_eq!((&of["expired"], &of["changed"], &of["seen"]), (&1.into(), &1.into(), &4.into()));
    assert_ne!(shop.envelope(1), before);
    let again = place.json(&[&["sweep", "--at-most-percent", "0"][..], &OWN].concat());
    assert_eq!(again["places"][0]["changed"], 0);
    let confirmed = Place::with_shop();
    let shop = confirmed.shop();
    let made = Access::new(&shop.ring).at(now - 90 * DAY);
    shop.save(1, &DataKeys::create(made, 1, [orders]).unwrap());
    let sweep = |args: &[&str]| confirmed.run(&[&["sweep"][..], args, &OWN].concat());
    sweep(&["--at-most-percent", "100"]).failed(8, "the clock stands 90 days after", "--yes");
    assert_eq!(sweep(&["--at-most-percent", "100", "--yes"]).code, 0);
}
