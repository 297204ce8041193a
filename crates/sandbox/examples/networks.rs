//! Starts the simulated networks alone and prints where they are, as one line of JSON, so that
//! foreign clients can be tried against them. Ends on Ctrl-C.
//!
//! `cargo run -p sandbox --example networks -- [DATA_FOLDER]`

use sandbox::{Options, Sandbox};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = std::env::args_os().nth(1).map(Into::into);
    let options = Options { data, ..Options::default() };
    let (token, sms) = (options.whatsapp.tokens[0].clone(), options.sms.accounts[0].clone());
    let (secret, verify) = (options.whatsapp.app_secret.clone(), options.whatsapp.verify_token.clone());
    let sandbox = Sandbox::start(options).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addresses = serde_json::json!({
        "graph_url": sandbox.graph_url(),
        "token": token.token,
        "waba": token.waba,
        "phone_number_id": token.numbers[0].id,
        "app_secret": secret,
        "verify_token": verify,
        "smpp": sandbox.smpp_addr().to_string(),
        "system_id": sms.system_id,
        "password": sms.password,
        "sandbox_url": format!("http://{}/sandbox", listener.local_addr()?),
    });
    println!("{addresses}");
    let served = axum::serve(listener, sandbox.router());
    tokio::select! {
        result = served => result?,
        _ = tokio::signal::ctrl_c() => {}
    }
    sandbox.shutdown().await;
    Ok(())
}
