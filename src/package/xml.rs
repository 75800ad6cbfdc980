//! The XML of strangers, read with nothing in it that could do harm: one walk over elements and their texts.
//!
//! Owns the rules that hold for every XML format here: no document type, no entity but the five of XML, no processing
//! instruction, a bounded depth, bounded texts, namespaces resolved. Must not know what the elements mean.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::reader::NsReader;

/// Deepest nesting of elements.
const DEEPEST: usize = 64;
/// Longest text of one element that is kept, in bytes; what is passed over may be longer.
const LONGEST_TEXT: usize = 4 << 20;

/// Why a text was not read to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlProblem {
    /// Not well-formed.
    #[error("it is not well-formed XML at byte {at}: {why}")]
    Malformed {
        /// Byte offset.
        at: u64,
        /// What the parser said.
        why: String,
    },
    /// A document type, an entity or a processing instruction: nothing that is read here needs one.
    #[error("it contains {0}, which is not taken")]
    Forbidden(&'static str),
    /// It ends before its root does, or has no root.
    #[error("it ends in the middle")]
    Cut,
    /// Nested deeper, or a longer text, than any real document.
    #[error("{0}")]
    TooMuch(&'static str),
}

/// One step of the walk.
pub(crate) enum Step<'r, 't> {
    /// An element begins; [`Step::End`] follows for every one, also for an empty one.
    Begin(Element<'r, 't>),
    /// The element that began last and has not ended, ends; with the text directly inside it.
    End(&'r str),
}

/// An element that begins.
pub(crate) struct Element<'r, 't> {
    start: BytesStart<'t>,
    reader: &'r NsReader<&'t [u8]>,
    namespace: Option<&'r str>,
}

/// Walks over a document.
pub(crate) struct Walk<'t> {
    reader: NsReader<&'t [u8]>,
    /// How many elements are open.
    depth: usize,
    /// The text of the innermost element so far: no format read here mixes text and elements.
    text: String,
    /// An empty element was told as begun, and its end was not told yet.
    end_due: bool,
    seen_root: bool,
    has_cdata: bool,
    /// The text was given away with the last step.
    text_is_old: bool,
}

impl<'t> Walk<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        // A mark of the byte order is no text.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self {
            reader: NsReader::from_str(text),
            depth: 0,
            text: String::new(),
            end_due: false,
            seen_root: false,
            has_cdata: false,
            text_is_old: false,
        }
    }

    /// Whether a CDATA section was met so far.
    pub(crate) fn has_cdata(&self) -> bool {
        self.has_cdata
    }

    /// The next step; `None` at the end of a whole document.
    pub(crate) fn next(&mut self) -> Result<Option<Step<'_, 't>>, XmlProblem> {
        if std::mem::take(&mut self.text_is_old) {
            self.text.clear();
        }
        if std::mem::take(&mut self.end_due) {
            return Ok(Some(Step::End("")));
        }
        loop {
            let at = self.reader.buffer_position();
            let malformed = |why: String| XmlProblem::Malformed { at, why };
            let event = self.reader.read_event().map_err(|why| malformed(why.to_string()))?;
            match event {
                Event::Start(start) => {
                    self.depth += 1;
                    return self.begin(start).map(Some);
                }
                Event::Empty(start) => {
                    self.end_due = true;
                    return self.begin(start).map(Some);
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    self.text_is_old = true;
                    return Ok(Some(Step::End(&self.text)));
                }
                Event::Text(text) => self.add(&text.xml_content(XmlVersion::Implicit1_0))?,
                Event::CData(text) => {
                    self.has_cdata = true;
                    self.add(&text.xml_content(XmlVersion::Implicit1_0))?;
                }
                Event::GeneralRef(reference) => {
                    let known = reference.resolve_char_ref().map_err(|why| malformed(why.to_string()))?;
                    let known = known.or(match &*reference {
                        "amp" => Some('&'),
                        "lt" => Some('<'),
                        "gt" => Some('>'),
                        "quot" => Some('"'),
                        "apos" => Some('\''),
                        _ => None,
                    });
                    let known = known.ok_or(XmlProblem::Forbidden("an entity"))?;
                    self.add(known.encode_utf8(&mut [0; 4]))?;
                }
                Event::DocType(_) => return Err(XmlProblem::Forbidden("a document type")),
                Event::PI(_) => return Err(XmlProblem::Forbidden("a processing instruction")),
                Event::Decl(_) | Event::Comment(_) => {}
                Event::Eof => {
                    return if self.depth == 0 && self.seen_root { Ok(None) } else { Err(XmlProblem::Cut) };
                }
            }
        }
    }
}

impl<'t> Walk<'t> {
    fn begin(&mut self, start: BytesStart<'t>) -> Result<Step<'_, 't>, XmlProblem> {
        if self.depth > DEEPEST {
            return Err(XmlProblem::TooMuch("its elements are nested too deep"));
        }
        // The parser takes several trees, one after the other, for one document.
        if self.seen_root && self.depth + usize::from(self.end_due) == 1 {
            return Err(XmlProblem::TooMuch("something follows its root"));
        }
        self.seen_root = true;
        self.text.clear();
        let namespace = match self.reader.resolver().resolve_element(start.name()).0 {
            ResolveResult::Bound(Namespace(name)) => Some(name),
            ResolveResult::Unbound | ResolveResult::Unknown(_) => None,
        };
        Ok(Step::Begin(Element { start, reader: &self.reader, namespace }))
    }

    fn add(&mut self, text: &str) -> Result<(), XmlProblem> {
        if self.depth == 0 {
            let is_blank = text.chars().all(char::is_whitespace);
            return if is_blank { Ok(()) } else { Err(XmlProblem::TooMuch("it has text outside its root")) };
        }
        if self.text.len() + text.len() > LONGEST_TEXT {
            return Err(XmlProblem::TooMuch("the text of an element is too long"));
        }
        self.text.push_str(text);
        Ok(())
    }
}

impl Element<'_, '_> {
    /// Name of the element without its prefix.
    pub(crate) fn name(&self) -> &str {
        let name: &str = self.start.name().0;
        name.rsplit(':').next().unwrap_or(name)
    }

    /// Whether it is of this namespace.
    pub(crate) fn is_of(&self, namespace: &str) -> bool {
        self.namespace == Some(namespace)
    }

    /// The value of an attribute without a prefix.
    pub(crate) fn attribute(&self, name: &str) -> Result<Option<Cow<'_, str>>, XmlProblem> {
        self.find(|key| key == name)
    }

    /// The value of an attribute that belongs to `namespace`, whatever its prefix.
    pub(crate) fn attribute_of(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Cow<'_, str>>, XmlProblem> {
        self.find(|key| {
            let Some((_, local)) = key.split_once(':') else { return false };
            let resolved = self.reader.resolver().resolve_attribute(quick_xml::name::QName(key)).0;
            local == name && matches!(resolved, ResolveResult::Bound(Namespace(found)) if found == namespace)
        })
    }

    fn find(&self, is_wanted: impl Fn(&str) -> bool) -> Result<Option<Cow<'_, str>>, XmlProblem> {
        let malformed = |why: String| XmlProblem::Malformed { at: self.reader.buffer_position(), why };
        let mut found = None;
        // The parser's own search for doubles takes the square of their number.
        for attribute in self.start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|why| malformed(why.to_string()))?;
            if !is_wanted(attribute.key.0) {
                continue;
            }
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|_| XmlProblem::Forbidden("an entity"))?;
            if found.replace(value).is_some() {
                return Err(malformed(format!("<{}> has an attribute twice", self.name())));
            }
        }
        Ok(found)
    }
}

/// Adds `text` as the content of an element or of an attribute in double quotes. What XML cannot hold becomes U+FFFD.
pub(crate) fn push_escaped(into: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\t' => into.push_str("&#9;"),
            '\n' => into.push_str("&#10;"),
            '\r' => into.push_str("&#13;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => into.push('\u{fffd}'),
            c => into.push(c),
        }
    }
}
