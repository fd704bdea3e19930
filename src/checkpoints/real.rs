//! Files that the libraries of others wrote (`tests/checkpoints/make_real.py`). Beside each lies what is in it, in safetensors.

use std::path::PathBuf;

use ::safetensors::SafeTensors;

use super::*;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checkpoints/real")
}

/// The files of the folder, but for the answers.
fn files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).expect("the folder is there").flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending != "safetensors")).collect();
    files.sort();
    files
}

#[test]
fn files_of_their_libraries_hold_what_these_say() {
    let mut read = 0;
    for path in files() {
        let Ok(answer) = std::fs::read(path.with_extension("safetensors")) else { continue };
        let answer = SafeTensors::deserialize(&answer).expect("the package wrote it");
        let mut file = Checkpoint::open(&path).unwrap_or_else(|problem| panic!("{problem:?}"));
        let mut names: Vec<String> = file.arrays.keys().cloned().collect();
        names.sort();
        let mut expected = answer.names();
        expected.sort();
        assert_eq!(names, expected, "{}", path.display());
        for name in names {
            let (array, view) = (file.arrays[&name].clone(), answer.tensor(&name).expect("it is there"));
            let kind = format!("{:?}", view.dtype());
            assert_eq!((array.number.safetensors(), array.shape.as_slice()), (kind.as_str(), view.shape()), "{name}");
            assert_eq!(file.bytes(&name).as_deref(), Ok(view.data()), "`{name}` of {}", path.display());
        }
        read += 1;
    }
    assert!(read >= 17, "{read} files");
}

/// What is no file of weights, though a library wrote it.
#[test]
fn files_of_their_libraries_that_are_refused_say_why() {
    let mut told = String::new();
    for path in files().into_iter().filter(|path| !path.with_extension("safetensors").exists()) {
        let Err(problem) = Checkpoint::open(&path) else { panic!("{} is read", path.display()) };
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        told += &format!("{name}: {}", problem.what);
        told += &problem.help.map_or("\n".to_owned(), |help| format!("; {help}\n"));
    }
    expect_test::expect![[r#"
        expanded.pth: `bias`: a tensor repeats its numbers; in Python: `tensor.contiguous()` before it is saved
        first_layout.caffemodel: its layers are in Caffe's first layout, which is not read; Caffe's `upgrade_net_proto_binary` writes it anew
        nameless.pth: it holds no named arrays; in Python: `torch.save(net.state_dict(), "weights.pth")`
        net_itself.pth: it asks for `torch.nn.modules.container.Sequential`, which weights do not need; nothing of it was run; in Python: `torch.save(net.state_dict(), "weights.pth")`
        sparse.params: it holds a sparse array, which is not read
    "#]].assert_eq(&told);
}
