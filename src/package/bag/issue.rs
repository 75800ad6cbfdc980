//! Everything that can be wrong with a bag, each under a stable code.

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($(#[$outer:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $code:literal,)* }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$doc])* #[serde(rename = $code)] $variant,)* }

        impl $name {
            /// The code as scripts see it; it never changes its meaning.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }
        }
    };
}

codes! {
    /// Why a bag is not valid.
    ProblemCode {
        /// `bagit.txt` is not there.
        DeclarationMissing = "declaration-missing",
        /// `bagit.txt` is not as its version wants it.
        DeclarationMalformed = "declaration-malformed",
        /// `bagit.txt` begins with a byte-order mark.
        ByteOrderMark = "byte-order-mark",
        /// The version is none from 0.93 to 1.0.
        VersionUnknown = "version-unknown",
        /// The declared encoding is not known.
        EncodingUnknown = "encoding-unknown",
        /// A tag file is not in the declared encoding.
        EncodingBroken = "encoding-broken",
        /// A tag file is larger than what is read of its kind.
        TooLarge = "too-large",
        /// There is no `data` folder.
        PayloadFolderMissing = "payload-folder-missing",
        /// There is no payload manifest.
        ManifestMissing = "manifest-missing",
        /// No payload manifest uses an algorithm that is known.
        AlgorithmUnknown = "algorithm-unknown",
        /// Two manifest files name the same algorithm.
        AlgorithmTwice = "algorithm-twice",
        /// A line of a manifest cannot be read.
        ManifestLine = "manifest-line",
        /// A listed path leaves the bag, or would on some system.
        PathUnsafe = "path-unsafe",
        /// A payload manifest lists something that is not payload.
        PathNotPayload = "path-not-payload",
        /// A manifest lists a file twice with different checksums.
        ListedTwiceDiffering = "listed-twice-differing",
        /// A manifest lists a file twice (refused from 1.0 on).
        ListedTwice = "listed-twice",
        /// A line of the metadata file cannot be read.
        InfoLine = "info-line",
        /// `Payload-Oxum` cannot be read or stands there twice.
        OxumMalformed = "oxum-malformed",
        /// `Payload-Oxum` is not what the payload amounts to.
        OxumMismatch = "oxum-mismatch",
        /// A line of the fetch list cannot be read.
        FetchLine = "fetch-line",
        /// A file of the fetch list is not in every payload manifest.
        FetchNotListed = "fetch-not-listed",
        /// A file of the fetch list was not fetched.
        FetchMissing = "fetch-missing",
        /// A listed payload file is not there.
        FileMissing = "file-missing",
        /// A listed tag file is not there.
        TagFileMissing = "tag-file-missing",
        /// A payload file is in no manifest, or from 1.0 on not in every one.
        FileNotListed = "file-not-listed",
        /// The content does not match its checksum.
        ChecksumMismatch = "checksum-mismatch",
        /// A symbolic link that leaves the bag or does not lead to a file.
        Link = "link",
        /// Neither file nor folder.
        NotAFile = "not-a-file",
        /// A name on disk is not UTF-8.
        NameNotUtf8 = "name-not-utf8",
        /// The system refuses to read it.
        Unreadable = "unreadable",
        /// It changed while it was read.
        Changed = "changed",
    }
}

impl ProblemCode {
    /// Whether the bag is incomplete by it, in the words of RFC 8493 section 3.
    pub fn makes_incomplete(self) -> bool {
        matches!(
            self,
            Self::DeclarationMissing
                | Self::PayloadFolderMissing
                | Self::ManifestMissing
                | Self::FetchMissing
                | Self::FileMissing
                | Self::TagFileMissing
                | Self::FileNotListed
                | Self::FetchNotListed
                | Self::AlgorithmUnknown
                | Self::Link
                | Self::NotAFile
        )
    }
}

codes! {
    /// What is not as it should be in a bag that is valid all the same.
    WarningCode {
        /// The declaration is read, but not written as it should be.
        DeclarationLoose = "declaration-loose",
        /// A tag file in UTF-8 begins with a byte-order mark.
        ByteOrderMark = "byte-order-mark",
        /// The line has the `*` of md5sum's binary mode, or md5sum's escapes.
        ChecksumTool = "checksum-tool",
        /// The path has `.` or empty parts.
        RelativePath = "relative-path",
        /// A blank line or comment in a manifest.
        PassedOver = "passed-over",
        /// A manifest lists a file twice with the same checksum.
        ListedTwice = "listed-twice",
        /// Two listed paths differ in case or normal form only.
        EqualNames = "equal-names",
        /// A listed path is on disk in another normal form.
        NormalForm = "normal-form",
        /// A listed path was found only with its percent signs read the other way.
        PercentSign = "percent-sign",
        /// A listed path was found only without the white space at its end.
        TrailingSpace = "trailing-space",
        /// A file that an operating system makes for itself.
        SystemFile = "system-file",
        /// A manifest of an algorithm that is not known; it was not checked.
        AlgorithmUnknown = "algorithm-unknown",
        /// A tag manifest lists payload.
        PayloadInTagManifest = "payload-in-tag-manifest",
        /// A line of the metadata file is not written as it should be.
        InfoLoose = "info-loose",
        /// A line of the fetch list is not written as it should be.
        FetchLoose = "fetch-loose",
        /// A symbolic link that stays in the bag.
        Link = "link",
        /// The bag has a checksum only of an algorithm that is broken: MD5 or SHA-1.
        WeakChecksum = "weak-checksum",
    }
}

/// One reason why a bag is not valid.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BagProblem {
    /// The file it is about, relative to the bag; empty for the bag as a whole.
    pub file: String,
    /// The stable code.
    pub code: ProblemCode,
    /// One sentence part for people.
    pub message: String,
}

/// One remark on a bag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BagWarning {
    /// The file it is about, relative to the bag; empty for the bag as a whole.
    pub file: String,
    /// The stable code.
    pub code: WarningCode,
    /// One sentence part for people.
    pub message: String,
}

/// How many errors, and how many warnings, are kept; a hostile manifest could have one in each byte.
pub const ISSUES_MAX: usize = 100_000;

/// What a reader found while it read on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Issues {
    /// Reasons to refuse, at most [`ISSUES_MAX`].
    pub errors: Vec<BagProblem>,
    /// Remarks, at most [`ISSUES_MAX`].
    pub warnings: Vec<BagWarning>,
    /// How many reasons and remarks were left out because there were too many.
    pub left_out: u64,
    /// Whether some reason, kept or left out, makes the bag incomplete.
    pub incomplete: bool,
}

impl Issues {
    /// Notes a reason to refuse.
    pub fn error(&mut self, code: ProblemCode, file: impl Into<String>, message: impl Into<String>) {
        self.add(BagProblem { file: file.into(), code, message: message.into() });
    }

    /// Notes a reason to refuse that was found elsewhere.
    pub fn add(&mut self, problem: BagProblem) {
        self.incomplete |= problem.code.makes_incomplete();
        if self.errors.len() < ISSUES_MAX {
            self.errors.push(problem);
        } else {
            self.left_out += 1;
        }
    }

    /// Notes a remark.
    pub fn warn(&mut self, code: WarningCode, file: impl Into<String>, message: impl Into<String>) {
        if self.warnings.len() < ISSUES_MAX {
            self.warnings.push(BagWarning { file: file.into(), code, message: message.into() });
        } else {
            self.left_out += 1;
        }
    }

    /// Sorts by file and takes each once.
    pub fn settle(&mut self) {
        self.errors.sort();
        self.errors.dedup();
        self.warnings.sort();
        self.warnings.dedup();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_bounded_and_still_counted() {
        let mut issues = Issues::default();
        for number in 0..ISSUES_MAX + 5 {
            issues.error(ProblemCode::ManifestLine, "", format!("line {number}"));
            issues.warn(WarningCode::PassedOver, "", format!("line {number}"));
        }
        assert!(!issues.incomplete);
        issues.error(ProblemCode::FileMissing, "data/a", "gone");
        assert!(issues.incomplete);
        assert_eq!(
            (issues.errors.len(), issues.warnings.len(), issues.left_out),
            (ISSUES_MAX, ISSUES_MAX, 11)
        );
    }
}
