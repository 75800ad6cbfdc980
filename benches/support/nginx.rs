//! A web server for one benchmark, in a folder of its own.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// nginx on loopback; ends when it is dropped.
pub(crate) struct Nginx {
    child: Child,
    /// What it serves.
    pub(crate) root: PathBuf,
    /// Its address, with a slash at the end.
    pub(crate) url: String,
}

impl Nginx {
    /// Serves `folder/www`, which is made; `http` and `server` are further lines of those blocks of its configuration.
    pub(crate) fn start(folder: &Path, http: &str, server: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let root = folder.join("www");
        fs::create_dir(&root)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let at = folder.display();
        let config = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;\n\
             events {{ worker_connections 512; }}\n\
             http {{ sendfile on; keepalive_requests 1000000;\n\
             client_body_temp_path {at}/t1; proxy_temp_path {at}/t2; fastcgi_temp_path {at}/t3;\n\
             uwsgi_temp_path {at}/t4; scgi_temp_path {at}/t5;\n{http}\n\
             server {{ listen 127.0.0.1:{port}; root {at}/www;\n{server}\n}} }}\n"
        );
        let (path, errors) = (folder.join("nginx.conf"), folder.join("error.log"));
        fs::write(&path, config)?;
        let mut command = Command::new("nginx");
        command.arg("-e").arg(&errors).arg("-c").arg(&path).stderr(Stdio::null());
        let child =
            command.spawn().map_err(|error| format!("nginx: {error}; apt-get install nginx-light"))?;
        let nginx = Self { child, root, url: format!("http://127.0.0.1:{port}/") };
        let end = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() > end {
                return Err(format!("nginx does not answer: {}", fs::read_to_string(&errors)?).into());
            }
            std::thread::yield_now();
        }
        Ok(nginx)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
