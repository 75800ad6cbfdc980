//! `list` and `find`: tables of packages and of files. Made for a hundred thousand rows.

use serde::Serialize;

use crate::cli::arguments::FindArguments;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::report::{count, harmless, size};
use crate::failure::Failure;
use crate::package::record::PackageSummary;
use crate::package::{Finding, PackageState};
use crate::session::{CountFiles, ExportSearch, FindFiles, FoundFile, ListPackages, Search, SearchCount};

/// A package in `list --json`.
#[derive(Serialize)]
struct ListedPackage<'p> {
    id: crate::package::PackageId,
    name: &'p str,
    version: &'p str,
    state: PackageState,
    revision: u64,
    filed_by: &'p str,
    registered: jiff::Timestamp,
    checksum_control: bool,
    blocked: bool,
    finding: Finding,
    files: u64,
    size_bytes: u64,
    supplier: &'p str,
    group: &'p str,
}

impl<'p> From<&'p PackageSummary> for ListedPackage<'p> {
    fn from(package: &'p PackageSummary) -> Self {
        Self {
            id: package.id,
            name: package.key.name(),
            version: package.key.version(),
            state: package.state,
            revision: package.revision,
            filed_by: &package.filed_by,
            registered: package.registered,
            checksum_control: package.checksum_control,
            blocked: package.is_blocked(),
            finding: package.finding,
            files: package.files,
            size_bytes: package.size_bytes,
            supplier: &package.supplier,
            group: &package.group,
        }
    }
}

/// `list`
pub(super) fn list(context: &Context) -> Result<Exit, Failure> {
    let session = context.open(true)?;
    let packages = context.run(&session, ListPackages {})?;
    let report = &context.report;
    if report.is_json() {
        report.document(&packages.iter().map(ListedPackage::from).collect::<Vec<_>>());
    }
    if report.wants_text() {
        let name_width = packages
            .iter()
            .map(|package| package.key.name().chars().count() + package.key.version().chars().count() + 1)
            .max()
            .unwrap_or(0)
            .min(60);
        report.write(|out| {
            for package in &packages {
                let (name, version) = (package.key.name(), package.key.version());
                write!(out, "{name}@{version}")?;
                let written = name.chars().count() + version.chars().count() + 1;
                for _ in written..name_width {
                    out.write_all(b" ")?;
                }
                writeln!(
                    out,
                    "  {:<8}  {:>9} files  {:>10}  {}",
                    package.state.word(),
                    package.files,
                    size(package.size_bytes),
                    condition(package)
                )?;
            }
            Ok(())
        });
        report.line(count(packages.len() as u64, "package"));
    }
    Ok(Exit::Done)
}

fn condition(package: &PackageSummary) -> &'static str {
    match (package.finding, package.checksum_control) {
        (Finding::Consistent, true) if package.marked.is_some() => "changed, not checked yet",
        (Finding::Consistent, true) => "",
        (Finding::Consistent, false) => "check off",
        (Finding::Differs, true) => "blocked: differs",
        (Finding::Damaged, true) => "blocked: damaged",
        (Finding::Unreadable, true) => "blocked: unreadable",
        (Finding::Missing, true) => "blocked: missing",
        (Finding::Differs, false) => "differs, check off",
        (Finding::Damaged, false) => "damaged, check off",
        (Finding::Unreadable, false) => "unreadable, check off",
        (Finding::Missing, false) => "missing, check off",
    }
}

/// A file in `find --json`.
#[derive(Serialize)]
struct FoundJson<'f> {
    name: &'f str,
    version: &'f str,
    package_id: crate::package::PackageId,
    state: PackageState,
    path: &'f str,
    size_bytes: u64,
    sha256: Option<crate::package::Sha256Digest>,
}

impl<'f> From<&'f FoundFile> for FoundJson<'f> {
    fn from(file: &'f FoundFile) -> Self {
        Self {
            name: file.package.name(),
            version: file.package.version(),
            package_id: file.package_id,
            state: file.state,
            path: &file.path,
            size_bytes: file.size_bytes,
            sha256: file.sha256,
        }
    }
}

/// `find PATTERN`
pub(super) fn find(context: &Context, arguments: FindArguments) -> Result<Exit, Failure> {
    #[derive(Serialize)]
    struct Document<'f> {
        files: Vec<FoundJson<'f>>,
        more: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        total: Option<SearchCount>,
    }

    let session = context.open(true)?;
    let FindArguments { pattern, limit, no_archived, count: wants_count, csv } = arguments;
    let search = Search { pattern, archived: !no_archived };
    let report = &context.report;
    if let Some(to) = csv {
        let shown = to.display().to_string();
        let files = context.run(&session, ExportSearch { search, to })?;
        report.document(&serde_json::json!({"files": files, "file": shown}));
        report.line(format!("Wrote {} to {shown}", count(files, "file")));
        return Ok(Exit::Done);
    }
    let all =
        if wants_count { Some(context.run(&session, CountFiles { search: search.clone() })?) } else { None };
    let found = context.run(&session, FindFiles { search, limit })?;
    if report.is_json() {
        report.document(&Document {
            files: found.files.iter().map(FoundJson::from).collect(),
            more: found.more,
            total: all,
        });
    }
    if report.wants_text() {
        report.write(|out| {
            for file in &found.files {
                writeln!(out, "{}  {}  {}", file.package, harmless(&file.path), size(file.size_bytes))?;
            }
            Ok(())
        });
        if found.more {
            report.note(format!(
                "these are the first {limit}; there are more (--limit N, --count, --csv FILE)"
            ));
        }
        if let Some(all) = all {
            report.note(format!("{} in {}", count(all.files, "file"), count(all.packages, "package")));
        }
        if found.files.is_empty() {
            report.note("no file of this name; files inside .jar, .zip, .msi are not searched");
        }
    }
    Ok(Exit::Done)
}
