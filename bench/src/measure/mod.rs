//! What the operating system knows: CPU time and memory of processes, the machine, its disk.

pub(crate) mod disk;
pub(crate) mod machine;
pub(crate) mod process;
