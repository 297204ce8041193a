//! `courant completions` and `courant man`.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use super::client::say;

/// Print completions for a shell.
#[derive(Debug, Args)]
#[command(after_help = "Example: courant completions bash > /etc/bash_completion.d/courant")]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

pub(super) fn completions(arguments: &Completions, mut command: Command) {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "courant", &mut text);
    say(String::from_utf8_lossy(&text).trim_end());
}

/// Print the manual page, or write those of all commands into a folder.
#[derive(Debug, Args)]
pub(super) struct Man {
    /// The folder.
    #[arg(long)]
    out: Option<PathBuf>,
}

pub(super) fn man(arguments: &Man, command: Command) -> Result<(), String> {
    match &arguments.out {
        Some(folder) => {
            let fail = |error: std::io::Error| format!("{}: {error}", folder.display());
            std::fs::create_dir_all(folder).map_err(fail)?;
            clap_mangen::generate_to(command, folder).map_err(fail)
        }
        None => {
            let mut text = Vec::new();
            clap_mangen::Man::new(command).render(&mut text).map_err(|error| error.to_string())?;
            say(String::from_utf8_lossy(&text).trim_end());
            Ok(())
        }
    }
}
