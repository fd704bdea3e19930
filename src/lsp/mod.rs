//! The server of editors: diagnostics, types, completion, definitions and formatting of recipes, over the language server protocol.
//!
//! Comes in: messages on standard input. Goes out: answers on standard output. A recipe is read anew at each change, which takes milliseconds;
//! nothing is run and no data is opened. [`answers`] knows no protocol.

mod analysis;
mod answers;
mod place;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response};
use lsp_types::notification::{
    DidChangeTextDocument, DidCloseTextDocument, DidOpenTextDocument, Notification as _, PublishDiagnostics,
};
use lsp_types::request::{Completion, Formatting, GotoDefinition, HoverRequest, Request as _};
use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionOptions, CompletionParams, CompletionResponse,
    DiagnosticRelatedInformation, DiagnosticSeverity, DidChangeTextDocumentParams, DidCloseTextDocumentParams,
    DidOpenTextDocumentParams, DocumentFormattingParams, GotoDefinitionParams, GotoDefinitionResponse, Hover,
    HoverContents, HoverParams, HoverProviderCapability, Location, MarkupContent, MarkupKind, NumberOrString, OneOf,
    Position, PublishDiagnosticsParams, ServerCapabilities, TextDocumentPositionParams, TextDocumentSyncCapability,
    TextDocumentSyncKind, TextEdit, Uri,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::diag::{Diagnostic, Severity};
use crate::source::{SourceId, Sources, Span};
use crate::syntax;
use analysis::{Analysis, Open};

/// Serves one editor until it says goodbye.
///
/// # Errors
/// The connection breaks, or what comes over it is not the protocol.
pub fn serve() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (connection, threads) = Connection::stdio();
    let capabilities = ServerCapabilities {
        text_document_sync: Some(TextDocumentSyncCapability::Kind(TextDocumentSyncKind::FULL)),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        definition_provider: Some(OneOf::Left(true)),
        document_formatting_provider: Some(OneOf::Left(true)),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some(vec![".".into()]),
            ..CompletionOptions::default()
        }),
        ..ServerCapabilities::default()
    };
    connection.initialize(serde_json::to_value(capabilities)?)?;
    let mut server = Server { connection: &connection, open: Open::new(), known: HashMap::new(), told: HashMap::new() };
    for message in &connection.receiver {
        match message {
            Message::Request(request) => {
                if connection.handle_shutdown(&request)? {
                    break;
                }
                let response = server.answer(request);
                connection.sender.send(response.into())?;
            }
            Message::Notification(notification) => server.take(notification)?,
            Message::Response(_) => {}
        }
    }
    drop(connection);
    threads.join()?;
    Ok(())
}

struct Server<'c> {
    connection: &'c Connection,
    open: Open,
    /// What was found out of each open recipe since its last change, or that of another.
    known: HashMap<PathBuf, Analysis>,
    /// The files that messages were published for, by the recipe they were found in.
    told: HashMap<PathBuf, Vec<Uri>>,
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

impl Server<'_> {
    fn take(&mut self, notification: Notification) -> Result<(), Failed> {
        match notification.method.as_str() {
            DidOpenTextDocument::METHOD => {
                let params: DidOpenTextDocumentParams = serde_json::from_value(notification.params)?;
                self.change(&params.text_document.uri, params.text_document.text)
            }
            DidChangeTextDocument::METHOD => {
                let mut params: DidChangeTextDocumentParams = serde_json::from_value(notification.params)?;
                // Texts come whole.
                match params.content_changes.pop() {
                    Some(change) => self.change(&params.text_document.uri, change.text),
                    None => Ok(()),
                }
            }
            DidCloseTextDocument::METHOD => {
                let params: DidCloseTextDocumentParams = serde_json::from_value(notification.params)?;
                let Some(path) = path_of(&params.text_document.uri) else { return Ok(()) };
                self.open.remove(&path);
                self.known.clear();
                for uri in self.told.remove(&path).unwrap_or_default() {
                    self.publish(uri, Vec::new())?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A text is another: what was known of it and of those that use it is looked at anew.
    fn change(&mut self, uri: &Uri, text: String) -> Result<(), Failed> {
        let Some(path) = path_of(uri) else { return Ok(()) };
        self.open.insert(path, text);
        self.known.clear();
        let paths: Vec<PathBuf> = self.open.keys().cloned().collect();
        for path in paths {
            let analysis = Analysis::of(&path, &self.open[&path], &self.open);
            self.tell(&path, &analysis)?;
            self.known.insert(path, analysis);
        }
        Ok(())
    }

    /// Publishes what is wrong, file by file; files that are right now are told so.
    fn tell(&mut self, path: &Path, analysis: &Analysis) -> Result<(), Failed> {
        let mut by_file: BTreeMap<String, (Uri, Vec<lsp_types::Diagnostic>)> = BTreeMap::new();
        if let Some(uri) = uri_of(path) {
            by_file.insert(path.display().to_string(), (uri, Vec::new()));
        }
        for problem in &analysis.problems {
            let source = problem.labels.first().map_or(analysis.source(), |label| label.span.source);
            let name = &analysis.sources.get(source).name;
            let Some(uri) = uri_of(Path::new(name)) else { continue };
            by_file.entry(name.clone()).or_insert((uri, Vec::new())).1.push(shown(problem, &analysis.sources));
        }
        let now: Vec<Uri> = by_file.values().map(|(uri, _)| uri.clone()).collect();
        for gone in self.told.insert(path.to_owned(), now.clone()).unwrap_or_default() {
            if !now.contains(&gone) {
                self.publish(gone, Vec::new())?;
            }
        }
        for (uri, problems) in by_file.into_values() {
            self.publish(uri, problems)?;
        }
        Ok(())
    }

    fn publish(&self, uri: Uri, diagnostics: Vec<lsp_types::Diagnostic>) -> Result<(), Failed> {
        let params = PublishDiagnosticsParams { uri, diagnostics, version: None };
        let notification = Notification::new(PublishDiagnostics::METHOD.into(), params);
        Ok(self.connection.sender.send(notification.into())?)
    }

    fn answer(&mut self, request: Request) -> Response {
        let Request { id, method, params } = request;
        match method.as_str() {
            HoverRequest::METHOD => {
                respond(id, params, |params: HoverParams| self.hover(&params.text_document_position_params))
            }
            GotoDefinition::METHOD => respond(id, params, |params: GotoDefinitionParams| {
                self.definition(&params.text_document_position_params)
            }),
            Completion::METHOD => {
                respond(id, params, |params: CompletionParams| self.completion(&params.text_document_position))
            }
            Formatting::METHOD => {
                respond(id, params, |params: DocumentFormattingParams| self.format(&params.text_document.uri))
            }
            _ => Response::new_err(id, ErrorCode::MethodNotFound as i32, format!("`{method}` is not served")),
        }
    }

    fn at(&self, place: &TextDocumentPositionParams) -> Option<(&Analysis, usize)> {
        let analysis = self.known.get(&path_of(&place.text_document.uri)?)?;
        Some((analysis, place::byte(analysis.text(), place.position)))
    }

    fn hover(&self, place: &TextDocumentPositionParams) -> Option<Hover> {
        let (analysis, at) = self.at(place)?;
        let value = format!("```wsss\n{}\n```", answers::hover(analysis, at)?);
        let contents = HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value });
        let range = place::name_at(analysis.text(), at).map(|name| place::lines(analysis.text(), name));
        Some(Hover { contents, range })
    }

    fn definition(&self, place: &TextDocumentPositionParams) -> Option<GotoDefinitionResponse> {
        let (analysis, at) = self.at(place)?;
        let span = answers::definition(analysis, at)?;
        let source = analysis.sources.get(span.source);
        let path = match answers::library_file(&source.name) {
            Some((path, text)) => {
                // The library is within the program: a copy is laid where an editor can open it.
                std::fs::create_dir_all(path.parent()?).ok()?;
                std::fs::write(&path, text).ok()?;
                path
            }
            None => PathBuf::from(&source.name),
        };
        let range = place::lines(&source.text, span.range());
        Some(GotoDefinitionResponse::Scalar(Location { uri: uri_of(&path)?, range }))
    }

    fn completion(&self, place: &TextDocumentPositionParams) -> Option<CompletionResponse> {
        let (analysis, at) = self.at(place)?;
        let ways = answers::completions(analysis, at).into_iter().map(|way| CompletionItem {
            kind: Some(match way.what {
                "module" => CompletionItemKind::MODULE,
                "word" => CompletionItemKind::KEYWORD,
                "function" | "op" | "metric" => CompletionItemKind::FUNCTION,
                "net" | "stage" => CompletionItemKind::CLASS,
                _ => CompletionItemKind::VARIABLE,
            }),
            label: way.word,
            detail: Some(way.what.into()),
            ..CompletionItem::default()
        });
        Some(CompletionResponse::Array(ways.collect()))
    }

    /// The whole text anew; nothing where it has mistakes, which are told as diagnostics.
    fn format(&self, uri: &Uri) -> Option<Vec<TextEdit>> {
        let text = self.open.get(&path_of(uri)?)?;
        let formatted = syntax::format(SourceId::default(), text).ok()?;
        if formatted == *text {
            return Some(Vec::new());
        }
        let end = place::position(text, text.len());
        let range = lsp_types::Range::new(Position::new(0, 0), end);
        Some(vec![TextEdit { range, new_text: formatted }])
    }
}

/// Runs `answer` on what a request asks; what cannot be read is answered as such.
fn respond<P: DeserializeOwned, A: serde::Serialize>(
    id: RequestId,
    params: Value,
    answer: impl FnOnce(P) -> A,
) -> Response {
    match serde_json::from_value(params) {
        Ok(params) => Response::new_ok(id, answer(params)),
        Err(error) => Response::new_err(id, ErrorCode::InvalidParams as i32, error.to_string()),
    }
}

/// A problem in an editor's words: its first label is its place, the others stand beside it, the help at its end.
fn shown(problem: &Diagnostic, sources: &Sources) -> lsp_types::Diagnostic {
    let range = |span: Span| place::lines(&sources.get(span.source).text, span.range());
    let mut message = problem.message.clone();
    if let Some(label) = problem.labels.first().filter(|label| !label.text.is_empty()) {
        message += &format!("\n{}", label.text);
    }
    if let Some(help) = &problem.help {
        message += &format!("\nhelp: {help}");
    }
    let others = problem.labels.iter().skip(1).filter_map(|label| {
        let uri = uri_of(Path::new(&sources.get(label.span.source).name))?;
        let location = Location { uri, range: range(label.span) };
        Some(DiagnosticRelatedInformation { location, message: label.text.clone() })
    });
    lsp_types::Diagnostic {
        range: problem.labels.first().map_or_else(Default::default, |label| range(label.span)),
        severity: Some(match problem.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
        }),
        code: Some(NumberOrString::String(problem.code.slug().into())),
        source: Some("wsss".into()),
        message,
        related_information: Some(others.collect()),
        ..lsp_types::Diagnostic::default()
    }
}

/// The path of a `file:` address.
fn path_of(uri: &Uri) -> Option<PathBuf> {
    let encoded = uri.as_str().strip_prefix("file://")?;
    // What stands before the path is a host: none, or this one.
    let encoded = &encoded[encoded.find('/')?..];
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digit = |byte: Option<u8>| (byte? as char).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                bytes.push((high * 16 + low) as u8);
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok().map(PathBuf::from)
}

fn uri_of(path: &Path) -> Option<Uri> {
    let path = std::path::absolute(path).ok()?;
    let mut text = String::from("file://");
    for byte in path.to_str()?.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => text.push(byte as char),
            byte => text += &format!("%{byte:02X}"),
        }
    }
    Uri::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_there_and_back() {
        for path in ["/a/b.wsss", "/with space/ä%.wsss"] {
            let uri = uri_of(Path::new(path)).unwrap();
            assert_eq!(path_of(&uri).unwrap(), PathBuf::from(path), "{}", uri.as_str());
        }
        assert_eq!(path_of(&Uri::from_str("untitled:one").unwrap()), None);
    }
}
