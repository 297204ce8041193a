//! Jasmin with what it needs: RabbitMQ (and Erlang's port mapper) and Redis, all as child
//! processes with data in one folder and ports of their own. It gets one link, without its default
//! limit of one message per second; the rest is as its defaults are.

use std::{fs, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::Command,
    time::timeout,
};

use super::child::{Child, free_port, listens, local};
use crate::{client, ledger::phone, load::Target};

/// Longest wait for each part; RabbitMQ takes its time.
const START: Duration = Duration::from_secs(60);
/// Longest wait for an answer of Jasmin's console.
const CONSOLE: Duration = Duration::from_secs(10);
/// Where `bench/compare` installs it.
const PROGRAM: &str = "target/jasmin/bin/jasmind.py";
/// AMQP's grammar, from the client library that Jasmin brings.
const GRAMMAR: &str = "txamqp/specs/standard/amqp0-9-1.stripped.xml";

/// A running Jasmin.
#[derive(Debug)]
pub(crate) struct Jasmin {
    /// In the order in which they are ended.
    children: Vec<Child>,
    http: SocketAddr,
    sink: SocketAddr,
}

struct Ports {
    epmd: u16,
    amqp: u16,
    cluster: u16,
    redis: u16,
    http: u16,
    console: u16,
    router: u16,
    clients: u16,
    servers: u16,
    smpp: u16,
}

impl Ports {
    fn free() -> Result<Self> {
        Ok(Self {
            epmd: free_port()?,
            amqp: free_port()?,
            cluster: free_port()?,
            redis: free_port()?,
            http: free_port()?,
            console: free_port()?,
            router: free_port()?,
            clients: free_port()?,
            servers: free_port()?,
            smpp: free_port()?,
        })
    }
}

impl Jasmin {
    /// Its version.
    pub(crate) const VERSION: &str = "0.11.0";

    /// Starts all of it and tells Jasmin about user, link and route.
    ///
    /// # Errors
    /// If a part does not come up.
    pub(crate) async fn start(smsc: SocketAddr, sink: SocketAddr, folder: &Path) -> Result<Self> {
        let ports = Ports::free()?;
        let redis = redis(&ports, folder).await?;
        let [epmd, rabbit] = rabbit(&ports, folder).await?;
        let jasmin = jasmin(&ports, folder).await?;
        configure(ports.console, smsc).await?;
        Ok(Self { children: vec![jasmin, rabbit, epmd, redis], http: local(ports.http), sink })
    }

    /// Its processes.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.children.iter().map(Child::pid).collect()
    }

    /// One SMS per request, with a delivery report to the sink.
    pub(crate) fn sms(&self) -> Target {
        let sink = self.sink;
        let request = move |message: usize| {
            client::get(&format!(
                "/send?username=bench&password=bench&from=SHOP&to={}&content={TEXT}&dlr=yes&dlr-level=2&dlr-method=POST&dlr-url=http%3A%2F%2F{sink}%2F%3Fmessage%3D{message}",
                phone(message),
            ))
        };
        Target { address: self.http, accepted: 200, request: Arc::new(request) }
    }

    /// Ends all of it.
    ///
    /// # Errors
    /// If a process cannot be ended.
    pub(crate) async fn end(self) -> Result<()> {
        for child in self.children {
            child.end().await?;
        }
        Ok(())
    }
}

/// The same text as the others get, in a query.
const TEXT: &str = "Your+order+4711+has+been+shipped+and+will+arrive+tomorrow+between+9+and+12.";

async fn redis(ports: &Ports, folder: &Path) -> Result<Child> {
    let mut command = Command::new("redis-server");
    command
        .args(["--bind", "127.0.0.1", "--port", &ports.redis.to_string(), "--save", "", "--dir"])
        .arg(folder);
    let child = Child::run(command, folder, "redis")?;
    listens(ports.redis, START).await.with_context(|| child.printed())?;
    Ok(child)
}

async fn rabbit(ports: &Ports, folder: &Path) -> Result<[Child; 2]> {
    let mut command = Command::new("epmd");
    command.args(["-address", "127.0.0.1", "-port", &ports.epmd.to_string()]);
    let epmd = Child::run(command, folder, "epmd")?;
    listens(ports.epmd, START).await.with_context(|| epmd.printed())?;
    let home = folder.join("rabbit");
    fs::create_dir_all(&home)?;
    fs::write(home.join("plugins"), "[].")?;
    // Not the wrapper in the path, which changes user and folders.
    let mut command = Command::new("/usr/lib/rabbitmq/bin/rabbitmq-server");
    command
        .env("HOME", &home)
        .env("ERL_EPMD_PORT", ports.epmd.to_string())
        .env("RABBITMQ_NODENAME", "bench@localhost")
        .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
        .env("RABBITMQ_NODE_PORT", ports.amqp.to_string())
        .env("RABBITMQ_DIST_PORT", ports.cluster.to_string())
        .env("RABBITMQ_MNESIA_BASE", home.join("data"))
        .env("RABBITMQ_LOG_BASE", home.join("log"))
        .env("RABBITMQ_PID_FILE", home.join("pid"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", home.join("plugins"))
        .env("RABBITMQ_CONF_ENV_FILE", home.join("environment"))
        .env("RABBITMQ_CONFIG_FILE", home.join("rabbitmq"));
    let rabbit = Child::run(command, folder, "rabbitmq")?;
    listens(ports.amqp, START).await.with_context(|| rabbit.printed())?;
    Ok([epmd, rabbit])
}

async fn jasmin(ports: &Ports, folder: &Path) -> Result<Child> {
    let home = folder.join("jasmin");
    for name in ["log", "store"] {
        fs::create_dir_all(home.join(name))?;
    }
    let config = home.join("jasmin.cfg");
    fs::write(&config, configuration(ports, &grammar()?))?;
    let mut command = Command::new(fs::canonicalize(PROGRAM).context("Jasmin is not installed")?);
    command
        .args(["--enable-dlr-thrower", "--enable-dlr-lookup", "-c"])
        .arg(&config)
        .env("ROOT_PATH", &home)
        .env("LOG_PATH", home.join("log"))
        .env("STORE_PATH", home.join("store"));
    let child = Child::run(command, &home, "jasmin")?;
    for port in [ports.console, ports.http] {
        listens(port, START).await.with_context(|| child.printed())?;
    }
    Ok(child)
}

/// The grammar's path in the Python environment, whatever its version.
fn grammar() -> Result<String> {
    let libraries = fs::read_dir("target/jasmin/lib")?;
    let paths = libraries.flatten().map(|python| python.path().join("site-packages").join(GRAMMAR));
    let path = paths.into_iter().find(|path| path.exists()).context("Jasmin is not installed completely")?;
    Ok(fs::canonicalize(path)?.display().to_string())
}

fn configuration(ports: &Ports, grammar: &str) -> String {
    let Ports { amqp, redis, http, console, router, clients, servers, smpp, .. } = ports;
    format!(
        "[amqp-broker]\nhost = 127.0.0.1\nport = {amqp}\nspec = {grammar}\nlog_level = ERROR\n\
         [redis-client]\nhost = 127.0.0.1\nport = {redis}\nlog_level = ERROR\n\
         [http-api]\nbind = 127.0.0.1\nport = {http}\nlog_level = ERROR\n\
         [jcli]\nbind = 127.0.0.1\nport = {console}\nauthentication = False\nlog_level = ERROR\n\
         [router]\nbind = 127.0.0.1\nport = {router}\nlog_level = ERROR\n\
         [client-management]\nbind = 127.0.0.1\nport = {clients}\nlog_level = ERROR\n\
         [smpp-server]\nbind = 127.0.0.1\nport = {smpp}\nlog_level = ERROR\n\
         [smpp-server-pb]\nbind = 127.0.0.1\nport = {servers}\nlog_level = ERROR\n\
         [smpp-server-pb-client]\nport = {servers}\n\
         [service-smppclient]\nlog_level = ERROR\n\
         [sm-listener]\nlog_level = ERROR\n\
         [dlr]\nlog_level = ERROR\n\
         [dlr-thrower]\nlog_level = ERROR\n\
         [deliversm-thrower]\nlog_level = ERROR\n"
    )
}

/// Tells Jasmin about group, user, link (without its limit of one message per second) and route.
async fn configure(console: u16, smsc: SocketAddr) -> Result<()> {
    let (host, port) = (smsc.ip().to_string(), smsc.port().to_string());
    let dialogues: [&[&str]; 5] = [
        &["group -a", "gid bench", "ok"],
        &["user -a", "username bench", "password bench", "gid bench", "uid bench", "ok"],
        &[
            "smppccm -a",
            "cid bench",
            &format!("host {host}"),
            &format!("port {port}"),
            "username jasmin",
            "password bench",
            "submit_throughput 0",
            "bind transceiver",
            "logfile /dev/null",
            "ok",
        ],
        &["smppccm -1 bench"],
        &["mtrouter -a", "type defaultroute", "connector smppc(bench)", "rate 0.0", "ok"],
    ];
    let mut stream = TcpStream::connect(local(console)).await?;
    until(&mut stream, |text| String::from_utf8_lossy(text).contains("Session ref")).await?;
    for line in dialogues.into_iter().flatten() {
        stream.write_all(format!("{line}\r\n").as_bytes()).await?;
        let answer =
            prompt(&mut stream).await.with_context(|| format!("Jasmin does not answer to: {line}"))?;
        let refused =
            ["Error", "Failed", "Unknown", "must", "Incorrect"].iter().any(|word| answer.contains(word));
        ensure!(!refused, "Jasmin's console to `{line}`: {answer}");
    }
    stream.write_all(b"quit\r\n").await?;
    Ok(())
}

/// Reads up to the next prompt.
async fn prompt(stream: &mut TcpStream) -> Result<String> {
    until(stream, |text| text.ends_with(b"jcli : ") || text.ends_with(b"> ")).await
}

async fn until(stream: &mut TcpStream, complete: impl Fn(&[u8]) -> bool) -> Result<String> {
    let mut text = Vec::new();
    while !complete(&text) {
        let read = timeout(CONSOLE, stream.read_buf(&mut text)).await;
        let read =
            read.with_context(|| format!("the console says only: {}", String::from_utf8_lossy(&text)))?;
        ensure!(read? > 0, "the console closed");
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}
