//! `courant password-hash`.

use std::{
    io::{BufRead, IsTerminal, stdin},
    process::Command,
};

use crate::people::password;

/// Reads a password from standard input and prints its hash.
pub(super) fn run() -> Result<(), String> {
    let asked = stdin().is_terminal();
    if asked {
        eprint!("Password: ");
        echo(false);
    }
    let mut line = String::new();
    let read = stdin().lock().read_line(&mut line);
    if asked {
        echo(true);
        eprintln!();
    }
    read.map_err(|error| format!("the password could not be read: {error}"))?;
    println!("{}", password::hash(line.trim_end_matches(['\r', '\n']))?);
    Ok(())
}

/// Whether the terminal shows what is typed. Where there is no `stty`, it goes on showing it.
fn echo(on: bool) {
    let _ = Command::new("stty").arg(if on { "echo" } else { "-echo" }).status();
}
