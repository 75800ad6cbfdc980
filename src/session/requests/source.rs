//! Requests about what is not a package yet: a source, and what it has to do with what is there.

use std::path::PathBuf;

use super::Request;
use crate::library::{
    Library, LibraryError, Links, SameProductPackage, SourceComparison, SourcePreview, TryReport, TryRequest,
};
use crate::package::record::PackageId;
use crate::package::{PackageKey, Sha256Digest};
use crate::work::Work;

request!(
    /// Looks at a source without taking it in.
    Preview {
        /// One folder, or several files and folders.
        sources: Vec<PathBuf>,
        /// What becomes of symbolic links.
        links: Links
    } -> SourcePreview, "Looking at the source", changes: false,
    |this, library, work| library.preview(&this.sources, this.links, work)
);
request!(
    /// Packages of this name, without regard to case, the one registered last first, with what a new version takes over.
    SameProduct {
        /// The name.
        name: String
    } -> Vec<SameProductPackage>, "Looking for the same product", changes: false,
    |this, library, _work| library.same_product(&this.name)
);
request!(
    /// Packages whose recorded names and sizes have this digest: that of [`SourcePreview::digest`].
    SameFiles {
        /// The digest.
        digest: Sha256Digest
    } -> Vec<PackageKey>, "Looking for the same files", changes: false,
    |this, library, _work| library.same_files(&this.digest)
);
request!(
    /// Holds a source against the package it would be a new version of: same, changed, new files, and procedures.
    CompareSource {
        /// One folder, or several files and folders.
        sources: Vec<PathBuf>,
        /// What becomes of symbolic links.
        links: Links,
        /// The package.
        based_on: PackageId
    } -> SourceComparison, "Comparing the versions", changes: false,
    |this, library, work| library.compare_source(&this.sources, this.links, this.based_on, work)
);
request!(
    /// Runs a procedure on this computer, from a read-only copy of its package. Nothing of the package changes.
    TryHere {
        /// Which, and how long.
        request: TryRequest
    } -> TryReport, "Trying a procedure", changes: false,
    |this, library, work| library.try_here(&this.request, work)
);
