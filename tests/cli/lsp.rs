//! `wsss lsp`: a conversation with an editor.

use serde_json::{Value, json};

use super::Place;

/// Says all of `messages`, then goodbye; what the server said.
fn talk(messages: &[Value]) -> Vec<Value> {
    let begin = [
        json!({ "id": 0, "method": "initialize", "params": { "capabilities": {} } }),
        json!({ "method": "initialized", "params": {} }),
    ];
    let end = [json!({ "id": 99, "method": "shutdown" }), json!({ "method": "exit" })];
    let framed: String = begin
        .iter()
        .chain(messages)
        .chain(&end)
        .map(|message| {
            let mut message = message.clone();
            message["jsonrpc"] = "2.0".into();
            let text = message.to_string();
            format!("Content-Length: {}\r\n\r\n{text}", text.len())
        })
        .collect();
    let mut program = assert_cmd::Command::new(env!("CARGO_BIN_EXE_wsss"));
    let output = program.arg("lsp").write_stdin(framed).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut said = Vec::new();
    let mut rest = std::str::from_utf8(&output.stdout).expect("text");
    while let Some((head, body)) = rest.split_once("\r\n\r\n") {
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).expect("a length");
        let (message, after) = body.split_at(length.parse().expect("a number"));
        said.push(serde_json::from_str(message).expect("an object"));
        rest = after;
    }
    said
}

const RECIPE: &str = "supervision image
param pictures = scenes(images = 12, size = 32, classes = 2)
infer maps {
  data = pictures.train
  each { image } { save grey = mean(image, axes = [1], keep = true) }
}
";

#[test]
fn a_conversation() {
    let place = Place::new();
    let uri = format!("file://{}", place.path("r.wsss").display());
    let document = json!({ "uri": uri });
    let at = |line: u32, character: u32| json!({ "textDocument": document, "position": { "line": line, "character": character } });
    let open = |text: &str| {
        json!({ "method": "textDocument/didOpen",
            "params": { "textDocument": { "uri": uri, "languageId": "wsss", "version": 1, "text": text } } })
    };
    let change = |text: &str| {
        json!({ "method": "textDocument/didChange",
            "params": { "textDocument": { "uri": uri, "version": 2 }, "contentChanges": [{ "text": text }] } })
    };
    let format = json!({ "textDocument": document, "options": { "tabSize": 2, "insertSpaces": true } });
    let said = talk(&[
        open(&RECIPE.replace("mean(image", "maen(image")),
        change(RECIPE),
        json!({ "id": 1, "method": "textDocument/hover", "params": at(4, 10) }),
        json!({ "id": 2, "method": "textDocument/definition", "params": at(3, 12) }),
        json!({ "id": 3, "method": "textDocument/completion", "params": at(4, 34) }),
        json!({ "id": 4, "method": "textDocument/formatting", "params": format }),
        json!({ "id": 5, "method": "textDocument/rename", "params": {} }),
        json!({ "id": 6, "method": "textDocument/hover", "params": { "position": "nowhere" } }),
    ]);
    let told: Vec<&Value> =
        said.iter().filter(|message| message["method"] == "textDocument/publishDiagnostics").collect();
    let problem = &told[0]["params"]["diagnostics"][0];
    assert_eq!(
        (&problem["code"], &problem["range"]["start"]["line"]),
        (&"unknown-name".into(), &4.into()),
        "{problem}"
    );
    assert!(problem["message"].as_str().is_some_and(|message| message.contains("did you mean `mean`")), "{problem}");
    assert_eq!(told[1]["params"]["diagnostics"], json!([]), "it is right now");

    let answer = |id: u64| said.iter().find(|message| message["id"] == id).expect("an answer");
    assert_eq!(answer(1)["result"]["contents"]["value"], "```wsss\nimage: image255[B, 3, H, W]\n```");
    assert_eq!(answer(2)["result"]["range"]["start"], json!({ "line": 1, "character": 6 }));
    let words = answer(3)["result"].as_array().expect("a list");
    assert!(words.iter().any(|word| word["label"] == "mean"), "{words:?}");
    let formatted = answer(4)["result"][0]["newText"].as_str().expect("a text");
    assert!(formatted.contains("\n\ninfer maps {\n"), "{formatted}");
    assert_eq!(answer(5)["error"]["code"], -32601);
    assert_eq!(answer(6)["error"]["code"], -32602);
}
