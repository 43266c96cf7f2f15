//! An async service: an HTTP server with axum that answers what it has begun before it stops.
//!
//!     cargo run -p abide --example web -- --port 9000    # port 0: any that is free
//!     sudo ./web install -- --port 9000

use std::process::ExitCode;

use abide::{Context, Service};
use axum::{Router, routing::get};
use tokio::net::TcpListener;

async fn serve(context: Context) -> abide::Result {
    let listener = TcpListener::bind(("127.0.0.1", port(&context)?)).await?;
    context.logger().info(format_args!("listening on http://{}", listener.local_addr()?));
    context.ready();

    let app = Router::new().route("/", get(async || "hello\n").post(async |echo: String| echo));
    axum::serve(listener, app).with_graceful_shutdown(context.stopped()).await?;

    context.logger().info("everything is answered");
    Ok(())
}

fn port(context: &Context) -> abide::Result<u16> {
    match context.args() {
        [] => Ok(9000),
        [option, port] if option == "--port" => Ok(port.to_string_lossy().parse()?),
        _ => Err("the arguments are not understood; there is `--port NUMBER`".into()),
    }
}

fn main() -> ExitCode {
    Service::new("web").description("Says hello over HTTP").usage("[--port NUMBER]").main_tokio(serve)
}
