//! What nobody opens any more, though it was not erased: all that it was wrapped for is destroyed.

use std::collections::BTreeSet;

use fieldseal::envelope::{EntryState, EnvelopeInfo, SealedInfo};
use fieldseal::keyring::{Census, GenerationState, KeyId, KeyState};
use fieldseal::{AsyncKeyStore, Error};

use crate::args::stores::Stores;
use crate::exit::Failure;
use crate::session::Session;
use crate::stores::{Purpose, Standalone, answered, on_store, open_all, wait};
use crate::times;

/// How many envelopes are read at a time.
const PAGE: usize = 256;

/// How many live generations are wrapped for keys only that the ring, as the census knows it, destroyed. A
/// census tells how many envelopes name a key, not which keys one of them names together: so the
/// databases are read again where there may be such.
pub(super) fn count(
    stores: &Stores,
    census: &Census,
    session: &Session<'_>,
) -> Result<u64, Failure> {
    let destroyed: BTreeSet<KeyId> = census
        .keys()
        .filter(|key| key.state == Some(KeyState::Destroyed))
        .map(|key| key.id)
        .collect();
    let mut live = census.generations().filter(|one| one.state == GenerationState::Live);
    if !live.any(|one| one.recipients.iter().any(|key| destroyed.contains(&key.id))) {
        return Ok(0);
    }
    let now = times::now();
    let unopened = |info: &EnvelopeInfo| {
        let states = info.entries.iter().map(|entry| &entry.state);
        let found = states.filter(|state| is_unopened(state, &destroyed, now)).count();
        u64::try_from(found).unwrap_or(u64::MAX)
    };
    wait(async {
        let mut found: u64 = 0;
        for mut database in open_all(stores, Purpose::Reads, session).await? {
            for place in &database.places {
                let counted = on_store!(database.connection, place, |store, on| {
                    in_place(&store, on, unopened).await
                });
                found =
                    found.saturating_add(counted.map_err(|error| answered(&place.name, error))?);
            }
            for Standalone { column, .. } in std::mem::take(&mut database.standalone) {
                let count = |stored: &[u8]| {
                    let info = match str::from_utf8(stored) {
                        Ok(text) if text.starts_with("fs1.") => SealedInfo::from_text(text),
                        _ => SealedInfo::from_bytes(stored),
                    };
                    if let Ok(SealedInfo::Standalone(info)) = info {
                        found = found.saturating_add(unopened(&info.envelope));
                    }
                };
                database.each_value(&column, count).await?;
            }
        }
        Ok(found)
    })
}

async fn in_place<S: AsyncKeyStore>(
    store: &S,
    on: &mut S::Connection,
    unopened: impl Fn(&EnvelopeInfo) -> u64,
) -> Result<u64, Error> {
    let (mut found, mut last) = (0_u64, None);
    loop {
        let page = store.scan(on, last.as_ref(), PAGE).await?;
        for one in &page {
            // What cannot be read is in the census.
            let of_one = one.envelope.inspect().map(|info| unopened(&info)).unwrap_or_default();
            found = found.saturating_add(of_one);
        }
        match page.into_iter().next_back() {
            Some(one) => last = Some(one),
            None => return Ok(found),
        }
    }
}

fn is_unopened(state: &EntryState, destroyed: &BTreeSet<KeyId>, now: u64) -> bool {
    let EntryState::Live { expires_at, recipients, .. } = state else { return false };
    let is_expired = expires_at.is_some_and(|expires| expires <= now);
    let mut ids = recipients.iter().map(|recipient| KeyId::new(recipient.key_id));
    !is_expired
        && !recipients.is_empty()
        && ids.all(|id| id.is_some_and(|id| destroyed.contains(&id)))
}
