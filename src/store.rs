//! Where things are kept: ring files, and the ring of a running server. The only file I/O.

mod disk;
mod key_file;
mod ring_file;
mod shared;

pub use self::ring_file::RingFile;
pub use self::shared::SharedRing;
