//! Making media fit, for accounts that want it: pictures by our own code, sounds and videos by a
//! program of the operator's choice.

use std::{
    fs,
    io::{self, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use media::{
    fit::{Target, fit},
    limits::{Purpose, judge, max_bytes, row},
    turns::Turns,
};
use model::content::MediaKind;
use tempfile::NamedTempFile;
use tokio::task::spawn_blocking;

use super::{
    files::{Here, LocalFile},
    once::Once,
};

/// The largest picture, sound or video that is taken for conversion, in bytes.
pub(super) const MAX_SOURCE: u64 = 100 * 1024 * 1024;
/// Decoded pictures take up to 160 MB each. One account gets two of these at most.
const MAX_CONVERSIONS: usize = 3;
const KEEP: Duration = Duration::from_secs(600);
/// Converted files kept at once.
const MAX_FILES: usize = 64;
/// How often a running program is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// A still sticker's limit, whatever the table says of moving ones.
const STILL_STICKER: u64 = 100 * 1024;

/// Converts files, each once for all who ask.
pub(super) struct Converter {
    spool: PathBuf,
    program: Option<Program>,
    done: Once<Result<Arc<LocalFile>, String>>,
    turns: Turns,
}

/// The operator's program.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) timeout: Duration,
}

/// One conversion, owned by its task.
struct Conversion {
    source: Here,
    kind: MediaKind,
    max_bytes: u64,
    spool: PathBuf,
    program: Option<Program>,
}

impl Converter {
    pub(super) fn new(spool: PathBuf, program: Option<Program>) -> Self {
        let turns = Turns::new(MAX_CONVERSIONS);
        Self { spool, program, done: Once::new(MAX_FILES), turns }
    }

    /// Whether a file of this kind can be converted at all.
    pub(super) const fn can(&self, kind: MediaKind) -> bool {
        match kind {
            MediaKind::Image | MediaKind::Sticker => true,
            MediaKind::Video | MediaKind::Audio => self.program.is_some(),
            MediaKind::Document => false,
        }
    }

    /// A file that fits the purpose, made of one that does not.
    ///
    /// # Errors
    /// Why it could not be made, for people.
    pub(super) async fn fit(
        &self,
        source: &Arc<LocalFile>,
        purpose: &Purpose<'_>,
        account: &str,
    ) -> Result<Arc<LocalFile>, String> {
        let most = match purpose.kind {
            MediaKind::Sticker => max_bytes(purpose).min(STILL_STICKER),
            MediaKind::Image | MediaKind::Video | MediaKind::Audio | MediaKind::Document => {
                max_bytes(purpose)
            }
        };
        let key = format!("{} {} {most}", source.sha256, purpose.kind.as_str());
        let work = || {
            let (kind, spool, program) = (purpose.kind, self.spool.clone(), self.program.clone());
            let (turns, account, source) = (self.turns.clone(), account.to_owned(), Arc::clone(source));
            async move {
                let _turn = turns.take(&account).await;
                let source = match source.here().await {
                    Ok(source) => source,
                    Err(kind) => return (Err(format!("it could not be read: {kind}")), Duration::ZERO),
                };
                let conversion = Conversion { source, kind, max_bytes: most, spool, program };
                let made = spawn_blocking(move || conversion.run()).await;
                (made.unwrap_or_else(|_| Err("the conversion failed".to_owned())).map(Arc::new), KEEP)
            }
        };
        let made =
            self.done.get(key, work).await.unwrap_or_else(|| Err("the conversion failed".to_owned()))?;
        match judge(&made.facts, purpose).first() {
            None => Ok(made),
            Some(violation) => Err(format!("what was made of it does not fit either: {}", violation.text)),
        }
    }

    /// What the table takes, in words, for notes.
    pub(super) fn wanted(purpose: &Purpose<'_>) -> String {
        format!("{} of at most {} bytes", row(purpose).kind.as_str(), max_bytes(purpose))
    }
}

impl Conversion {
    fn run(self) -> Result<LocalFile, String> {
        let disk = |error: io::Error| format!("the file could not be stored: {}", error.kind());
        let max_bytes = usize::try_from(self.max_bytes).unwrap_or(usize::MAX);
        let target = match self.kind {
            MediaKind::Image => Target::Jpeg { max_bytes },
            MediaKind::Sticker => Target::Sticker { max_bytes },
            MediaKind::Video | MediaKind::Audio => return self.run_program(),
            MediaKind::Document => return Err("documents are not converted".to_owned()),
        };
        let source = fs::File::open(&self.source.path).map_err(disk)?;
        let fitted = fit(BufReader::new(source), target).map_err(|error| error.to_string())?;
        let file = NamedTempFile::new_in(&self.spool).map_err(disk)?;
        fs::write(file.path(), &fitted.bytes).map_err(disk)?;
        LocalFile::spooled(file.into_temp_path(), Some(fitted.mime)).map_err(disk)
    }

    fn run_program(&self) -> Result<LocalFile, String> {
        let disk = |error: io::Error| format!("the file could not be stored: {}", error.kind());
        let program = self.program.as_ref().ok_or("no program for it is configured")?;
        let (suffix, mime) = match self.kind {
            MediaKind::Audio => (".ogg", "audio/ogg"),
            MediaKind::Video | MediaKind::Image | MediaKind::Sticker | MediaKind::Document => {
                (".mp4", "video/mp4")
            }
        };
        let made = tempfile::Builder::new().suffix(suffix).tempfile_in(&self.spool).map_err(disk)?;
        let child = self.command(&program.path, made.path()).spawn();
        let child = child.map_err(|error| format!("the program could not be started: {}", error.kind()))?;
        wait(child, program.timeout)?;
        let size = fs::metadata(made.path()).map_err(disk)?.len();
        if size == 0 || size > self.max_bytes {
            return Err(format!("the program made {size} bytes, at most {} are taken", self.max_bytes));
        }
        LocalFile::spooled(made.into_temp_path(), Some(mime)).map_err(disk)
    }

    /// Only local files are opened, whatever the file says that it refers to.
    fn command(&self, program: &Path, to: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.args(["-nostdin", "-hide_banner", "-loglevel", "error", "-y"]);
        command.args(["-protocol_whitelist", "file"]).arg("-i").arg(&self.source.path);
        match self.kind {
            MediaKind::Audio => {
                command.args(["-vn", "-map", "0:a:0", "-ac", "1", "-c:a", "libopus", "-b:a", "32k"])
            }
            MediaKind::Video | MediaKind::Image | MediaKind::Sticker | MediaKind::Document => command.args([
                "-map",
                "0:v:0",
                "-map",
                "0:a:0?",
                "-c:v",
                "libx264",
                "-profile:v",
                "main",
                "-pix_fmt",
                "yuv420p",
                "-vf",
                "scale='min(1280,iw)':-2",
                "-crf",
                "28",
                "-c:a",
                "aac",
                "-b:a",
                "96k",
                "-movflags",
                "+faststart",
            ]),
        };
        // One byte past the limit shows that it was cut off there.
        command.arg("-fs").arg((self.max_bytes + 1).to_string()).arg(to);
        command
    }
}

fn wait(mut child: Child, timeout: Duration) -> Result<(), String> {
    let end = Instant::now() + timeout;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(_)) => return Err("the program could not convert it".to_owned()),
            Ok(None) if Instant::now() < end => std::thread::sleep(LOOK),
            Ok(None) | Err(_) => {
                // It may have ended in between; both are fine.
                let _ = child.kill();
                let _ = child.wait();
                return Err("the program took too long".to_owned());
            }
        }
    }
}
