//! What is wrong with a file or a database.

/// What is wrong with the file or the database that an error is about, so that a program can tell an
/// operator what to do without reading texts: see [`Error::fault`](crate::Error::fault).
///
/// ```
/// use fieldseal::error::Fault;
/// use fieldseal::Error;
///
/// fn advice(error: &Error) -> &'static str {
///     match error.fault() {
///         Some(Fault::Full) => "make room",
///         Some(Fault::Lost) => "see that the server is up, then look what is stored",
///         _ => "see the log",
///     }
/// }
/// # let _ = advice;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// Another connection holds a lock for longer than was waited. The error is of the kind
    /// [`Retry`](crate::ErrorKind::Retry).
    Busy,
    /// A transaction that ran beside this one got in its way: a deadlock, or a transaction that cannot be
    /// serialized or has read what another has changed since. The error is of the kind
    /// [`Retry`](crate::ErrorKind::Retry).
    Raced,
    /// There is no room: a full disk, a quota, a largest size of a file or of the database.
    Full,
    /// The file, the file system or the server takes no writes, as a standby does.
    ReadOnly,
    /// The user of the process or of the database may not do it.
    Denied,
    /// There is no such file, table or column under this name.
    Missing,
    /// The server cannot be reached, or the connection ended during the call. What the call was storing may or
    /// may not be stored: read it back.
    Lost,
    /// The server gave up on the statement after its own time limit. Nothing of it is stored.
    TimedOut,
    /// The file is not a database, or is damaged.
    Damaged,
}

impl Fault {
    /// What to do, for the end of a text.
    pub(crate) const fn remedy(self) -> &'static str {
        match self {
            Self::Busy => "roll back and run the transaction again, or wait longer for locks",
            Self::Raced => "roll back and run the transaction again from its first statement",
            Self::Full => "make room, then try again",
            Self::ReadOnly => "use a file or a server that takes writes",
            Self::Denied => "give the user who runs this the permission",
            Self::Missing => "check that it exists under the name that was given",
            Self::Lost => {
                "see that the server can be reached; what was being stored may or may not be: read it back"
            }
            Self::TimedOut => "raise the time limit of statements, or see what holds the server up",
            Self::Damaged => "restore it from a backup, or give the right file",
        }
    }

    /// What a file system answers with.
    #[cfg(feature = "std")]
    pub(crate) fn of_io(error: &std::io::Error) -> Option<Self> {
        use std::io::ErrorKind;

        Some(match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Self::Full
            }
            ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            ErrorKind::PermissionDenied => Self::Denied,
            ErrorKind::NotFound => Self::Missing,
            ErrorKind::TimedOut => Self::TimedOut,
            ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::NotConnected
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof => Self::Lost,
            _ => return None,
        })
    }
}
