//! What the process does before anything secret is read.

use crate::exit::{Exit, Failure};

/// No core dump of this process is made, and no other process of the user may look into it.
#[cfg(unix)]
pub(crate) fn forbid_dumps() -> Result<(), Failure> {
    use rustix::process::{Resource, Rlimit, setrlimit};

    let refused = |_| {
        Failure::new(
            Exit::Other,
            "the system does not let this process turn off its core dumps",
            "run it where it may: secrets must not end in a core file",
        )
    };
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).map_err(refused)?;
    // A core pattern that pipes into a program does not ask for the limit.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(refused)?;
    }
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn forbid_dumps() -> Result<(), Failure> {
    Ok(())
}
