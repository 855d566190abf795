//! The audit trail and the ledger, as seen by whoever writes them down.
//!
//! To record every use of keys, implement [`AuditSink`] and give it to [`Access::audit`](crate::Access::audit).
//! The sink receives an [`Event`] before the result of a call is returned. If it refuses the event, the
//! call fails with [`ErrorKind::Audit`](crate::ErrorKind::Audit) and returns nothing.
//!
//! To record erasures, withdrawals and grants of consent before they are stored, implement [`LedgerSink`],
//! or use [`LedgerFile`](crate::store::LedgerFile) (feature `file`), whose lines are signed and chained.
//!
//! ```
//! use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
//! use fieldseal::audit::{Action, AuditRefused, AuditSink, Event};
//! use fieldseal::{Access, KeyRing};
//!
//! #[derive(Default)]
//! struct Opened(AtomicU64);
//!
//! impl AuditSink for Opened {
//!     fn record(&self, event: &Event<'_>) -> Result<(), AuditRefused> {
//!         if event.action == Action::OpenStandalone {
//!             self.0.fetch_add(1, Relaxed);
//!         }
//!         Ok(())
//!     }
//! }
//!
//! let (ring, log) = (KeyRing::generate()?, Opened::default());
//! let access = Access::new(&ring).actor("alice").purpose("ticket 812").audit(&log);
//! let sealed = access.seal(b"note 7", b"call back on Monday")?;
//! access.open(b"note 7", &sealed)?;
//! assert_eq!(log.0.load(Relaxed), 1);
//! # Ok::<(), fieldseal::Error>(())
//! ```

mod event;
mod ledger;

pub use self::event::{Action, AuditRefused, AuditSink, Event};
pub use self::ledger::{LedgerAct, LedgerChange, LedgerSink};
