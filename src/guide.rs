//! The guide: one page for each task.
//!
//! | page | task |
//! |---|---|
//! | [`rings`] | keep the key ring |
//! | [`records`] | work with records |
//! | [`databases`] | store rows and envelopes in a database |
//! | [`search`] | find sealed values |
//! | [`views`] | masks, pseudonyms and exports |
//! | [`audit`] | record who asks |
//! | [`consent`] | consent, erasure and the ledger |
//! | [`retention`] | retention and resealing |
//! | [`rotation`] | rotate and retire keys |
//! | [`browsers`] | run in a browser |

#[doc = include_str!("../docs/guide/rings.md")]
pub mod rings {}
#[doc = include_str!("../docs/guide/records.md")]
pub mod records {}
#[doc = include_str!("../docs/guide/databases.md")]
pub mod databases {}
#[doc = include_str!("../docs/guide/search.md")]
pub mod search {}
#[doc = include_str!("../docs/guide/views.md")]
pub mod views {}
#[doc = include_str!("../docs/guide/audit.md")]
pub mod audit {}
#[doc = include_str!("../docs/guide/consent.md")]
pub mod consent {}
#[doc = include_str!("../docs/guide/retention.md")]
pub mod retention {}
#[doc = include_str!("../docs/guide/rotation.md")]
pub mod rotation {}
#[doc = include_str!("../docs/guide/browsers.md")]
pub mod browsers {}
