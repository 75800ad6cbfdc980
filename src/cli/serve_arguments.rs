//! What `serve` takes.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

/// Arguments of `serve`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
http://ADDR/<Name>/<Version>/snapshot.meta4 is what a download begins with. The first Ctrl+C takes no more
requests and finishes what is being sent, the second ends at once. Requests are logged with --log FILE.")]
pub(crate) struct ServeArguments {
    /// Address and port; 0.0.0.0 is every address of this computer, port 0 a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", value_parser = address_and_port)]
    pub(crate) listen: SocketAddr,
    /// Folder to serve [default: the packages of the library]
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
    /// The folder is a staging library: let agents read their own jobs and make their own reports, and nobody else see
    /// them. So it is anyway where the folder has delivery/site.json; beyond this computer it speaks TLS by itself
    #[arg(long, requires = "folder")]
    pub(crate) delivery: bool,
    /// Speak no TLS with agents on other computers: another server before this one does
    #[arg(long, conflicts_with_all = ["tls_cert", "tls_self"])]
    pub(crate) no_tls: bool,
    /// Speak TLS with this certificate and its chain (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of the certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Speak TLS with a certificate made here; kept in the files --tls-cert and --tls-key where these are named
    #[arg(long)]
    pub(crate) tls_self: bool,
    /// Host name or address that the certificate made here is for, beside this computer's own
    #[arg(long, value_name = "NAME", requires = "tls_self")]
    pub(crate) tls_name: Vec<String>,
    /// Connections at a time; more wait
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) connections: u16,
    /// How long to finish what is being sent when interrupted, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) finish_within: u16,
}

fn address_and_port(text: &str) -> Result<SocketAddr, String> {
    let example = "write an IP address and a port, as 127.0.0.1:8080, 0.0.0.0:8080 or [::]:8080";
    text.parse().map_err(|_| example.to_owned())
}
