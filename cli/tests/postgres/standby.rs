//! A standby may lag behind its primary: no command concludes anything on one.

use super::*;

#[path = "../../../tests/common/standby.rs"]
mod server;

#[test]
fn no_key_is_retired_by_a_standby() {
    let Some(shop) = Shop::new() else { return };
    let ada = shop.sign_up(1);
    let old = shop.place.primary("wrap", "app");
    shop.ok(&["ring", "rotate", "app"]);
    let Some(standby) = server::Standby::of(&shop.schema) else { return };
    let by_standby =
        |args: &[&str]| ran(shop.place.command().env("FIELDSEAL_STORE", standby.url()).args(args));

    // It streams.
    shop.ok(&["rewrap", "--classes", "classes.json"]);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        let census = by_standby(&["--json", "census"]);
        assert!(census.code == 11 && census.err.contains("is a replica"), "{census:?}");
        if counted(&serde_json::from_str(&census.out).unwrap(), &old) == 0 {
            break;
        }
        assert!(std::time::Instant::now() < until, "nothing came to the standby");
    }
    for args in [
        &["retire", &old, "--yes"][..],
        &["rewrap", "--classes", "classes.json"],
        &["sweep", "--plan"],
        &["sweep", "--at-most-percent", "100", "--yes"],
        &["ledger", "replay", "ledger", "--classes", "classes.json", "--dry-run"],
    ] {
        by_standby(args).failed(2, "connect to the primary", "sees every row");
    }
    // What is asked by subject goes on.
    let ring = shop.place.ring();
    let store = SqlxKeyStore::<Postgres>::new();
    wait(async {
        let mut on = PgConnection::connect(standby.url()).await.unwrap();
        let keys = store.load(&mut on, "", 1).await.unwrap().unwrap().unwrap(&ring, 1).unwrap();
        assert_eq!(EMAIL.open(&keys, &ada).unwrap(), "ada@example.com");
        let queue = store.reseal_queue(&mut on, None, 9).await;
        assert_eq!(queue.unwrap_err().kind(), ErrorKind::Incomplete);
    });
    drop(standby);
    shop.ok(&["retire", &old, "--yes"]);
}
