//! Ledgers of a signing key that was compromised: what it signed is a claim.

use super::*;
use common::Ran;

/// A place with the backup `backup.db`, made before subject 1 was erased and subject 2 withdrew and consented again, all
/// by a key that is compromised since. Returns its id.
fn leaked(place: &Place) -> String {
    let shop = place.shop();
    (1..=3_u64).for_each(|subject| drop(shop.sign_up(subject)));
    assert_eq!(grant(place, "2", "included").code, 0);
    fs::copy(place.path("shop.db"), place.path("backup.db")).unwrap();
    ok(place, &["erase", "1", "--yes"]);
    assert_eq!(withdraw(place, "2").code, 0);
    assert_eq!(grant(place, "2", "included").code, 0);
    let leaked = place.primary("sign", "sign");
    place.ok(&["ring", "rotate", "sign"]);
    place.ok(&["ring", "state", &leaked, "compromised", "--yes"]);
    leaked
}

/// The verifying key of this id, as `--all` prints it.
fn key(place: &Place, id: &str) -> String {
    let printed = place.ok(&["ring", "verifying-key", "--all"]);
    let line = printed.lines().find(|line| line.contains(id)).unwrap();
    line.split_whitespace().next().unwrap().to_owned()
}

fn replay(place: &Place, args: &[&str]) -> Ran {
    let replay = ["ledger", "replay", "--classes", "classes.json"];
    place.run(&[&replay[..], args, &OWN].concat())
}

#[test]
fn a_compromised_keys_public_half_is_printed_with_its_state_on_request() {
    let place = Place::with_shop();
    let leaked = leaked(&place);
    assert!(!place.ok(&["ring", "verifying-key"]).contains(&key(&place, &leaked)));
    let printed = place.ok(&["ring", "verifying-key", "--all"]);
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(lines.len(), 2, "{printed}");
    assert!(lines[0].ends_with("primary") && lines[1].ends_with("compromised"), "{printed}");
    let json = place.json(&["ring", "verifying-key", "--all"]);
    assert_eq!(json["verifying_keys"][1]["state"], "compromised");
    assert_eq!(json["verifying_keys"][1]["id"], leaked.as_str());
}

#[test]
fn a_ledger_of_a_compromised_key_is_refused_with_a_way_that_can_be_followed() {
    let place = Place::with_shop();
    let shop = place.shop();
    let leaked = leaked(&place);
    let before = (shop.version(3), place.read("ledger"));
    let by = format!("by key {leaked}");
    let all = "ring verifying-key --all";
    replay(&place, &["ledger"]).failed(1, &by, all);
    replay(&place, &["ledger", "--damaged"]).failed(1, &by, all);
    place.run(&["ledger", "verify", "ledger"]).failed(1, &by, all);
    place.run(&["ledger", "verify", "ledger", "--damaged"]).failed(1, &by, all);
    let consents = ["ledger", "consents", "2", "--as", "integer", "--ledger", "ledger"];
    place.run(&consents).failed(1, &by, all);
    run(&place, &["erase", "3", "--yes"]).failed(1, &by, "ledger begin FILE");
    grant(&place, "3", "included").failed(1, &by, "ledger begin FILE");
    withdraw(&place, "3").failed(1, &by, "ledger begin FILE");
    assert_eq!((shop.version(3), place.read("ledger")), before);

    let both = [key(&place, &leaked), verifying_key(&place)];
    let by = ["--verifying-key", &both[0], "--verifying-key", &both[1]];
    let verified = place.ok(&[&["ledger", "verify", "ledger"][..], &by].concat());
    assert!(verified.starts_with("verified: 4 entries"), "{verified}");
}

#[test]
fn erasures_and_withdrawals_of_a_compromised_key_are_played_back_as_claims_and_grants_are_not() {
    let place = Place::with_shop();
    let shop = place.shop();
    let leaked = leaked(&place);
    let by = ["--verifying-key", &key(&place, &leaked)];
    // The next ledger takes over.
    place.ok(&["ledger", "begin", "next"]);
    let next = ["--ledger", "next", "--as", "integer"];
    let erased = place.run(&[&["erase", "3", "--yes"], &OWN[..], &next].concat());
    assert_eq!(erased.code, 0, "{erased:?}");
    fs::copy(place.path("backup.db"), place.path("shop.db")).unwrap();

    let both = [&["ledger", "next"][..], &by].concat();
    let would = replay(&place, &[&both[..], &["--dry-run"]].concat());
    assert!(would.code == 11 && would.out.contains("3 of 3 envelopes would be"), "{would:?}");
    let done = replay(&place, &both);
    assert_eq!(done.code, 11, "{done:?}");
    assert!(done.err.contains("lines 2 to 5") && done.err.contains("claims"), "{done:?}");
    assert!(!done.err.contains("damaged"), "{done:?}");
    let open = |ring: &fieldseal::KeyRing, subject| {
        let info = fieldseal::KeyEnvelope::from_bytes(shop.envelope(subject).unwrap());
        info.unwrap(ring, subject).map(|keys| keys.reached().contains(&"contact"))
    };
    let marketing = service(&place, "marketing");
    for (subject, app) in [(1_u64, false), (2, true), (3, false)] {
        assert!(!open(&marketing, subject).is_ok_and(|opens| opens), "{subject}");
        assert_eq!(open(&place.ring(), subject).is_ok_and(|opens| opens), app, "{subject}");
    }

    // A head that was kept before the key leaked vouches for the last grant.
    let current = verifying_key(&place);
    let verify = [&["ledger", "verify", "ledger", "--verifying-key", &current][..], &by].concat();
    let head = place.json(&verify)["head"].as_str().unwrap().to_owned();
    fs::copy(place.path("backup.db"), place.path("shop.db")).unwrap();
    let done = replay(&place, &[&both[..], &["--head", &head]].concat());
    assert_eq!(done.code, 0, "{done:?}");
    assert!(open(&marketing, 2).unwrap() && !open(&place.ring(), 1).is_ok_and(|opens| opens));
}

#[test]
fn a_consent_by_a_compromised_key_does_not_stand_unless_a_head_covers_it() {
    let place = Place::with_shop();
    let leaked = leaked(&place);
    let consents = ["ledger", "consents", "2", "--as", "integer", "--ledger", "ledger"];
    let by = ["--verifying-key", &key(&place, &leaked)];
    let told = place.run(&[&consents[..], &by].concat());
    assert_eq!(told.code, 11, "{told:?}");
    assert!(told.out.contains("marketing may not read contact"), "{told:?}");
    assert!(told.err.contains("lines 2 to 5") && told.err.contains("claims"), "{told:?}");

    let current = verifying_key(&place);
    let keys = [&by[..], &["--verifying-key", &current]].concat();
    let head = place.json(&[&["ledger", "verify", "ledger"][..], &keys].concat());
    let head = ["--head", head["head"].as_str().unwrap()];
    let told = place.run(&[&consents[..], &by, &head].concat());
    assert!(told.code == 0 && told.out.contains("marketing may read"), "{told:?}");
}
