//! Calls on the CPU, for tests: a text is compiled by the system's C++ compiler with a few words in front that stand for CUDA's.

use std::collections::HashMap;
use std::ffi::{CString, c_char, c_int, c_void};
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use candle_core::{DType, Result, Storage, Tensor, bail};
use libloading::Library;

use super::call::{Call, Given, Threads};

/// What of CUDA the texts use.
const HOST: &str = include_str!("source/host.hpp");

type Run = unsafe extern "C" fn(*const *const c_void, u32, u32);

/// Whether there is a compiler; else a line that says what is left out.
pub fn can(what: &str) -> bool {
    static CAN: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    let can =
        *CAN.get_or_init(|| Command::new("c++").arg("--version").output().is_ok_and(|told| told.status.success()));
    if !can {
        println!("skipped: {what}, for there is no C++ compiler `c++`");
    }
    can
}

thread_local! {
    static EMULATED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Whether this thread is within [`emulated`].
pub fn is_emulated() -> bool {
    EMULATED.get()
}

/// Does something with the kernels for CUDA in place of those for the CPU, on this thread.
pub fn emulated<T>(work: impl FnOnce() -> T) -> T {
    EMULATED.set(true);
    let done = work();
    EMULATED.set(false);
    done
}

pub fn launch(call: &Call, target: &Tensor, count: u32, threads: Threads) -> Result<()> {
    let given = call.given(address)?;
    let target = address(target)?;
    let pointers = given.iter().map(|given| match given {
        Given::Address(address) => std::ptr::from_ref(address).cast(),
        Given::Int(number) => std::ptr::from_ref(number).cast(),
        Given::Float(number) => std::ptr::from_ref(number).cast(),
        Given::Double(number) => std::ptr::from_ref(number).cast(),
        Given::Walk(walk) => std::ptr::from_ref(walk).cast(),
    });
    let first = [std::ptr::from_ref(&target).cast(), std::ptr::from_ref(&count).cast()];
    let pointers: Vec<*const c_void> = first.into_iter().chain(pointers).collect();
    // A grid that is smaller than the work, of blocks that are smaller than on a card.
    let (blocks, block) = match threads {
        Threads::Apart => (3, 5),
        Threads::Together => (2, 8),
    };
    function(call, threads)?(pointers.as_ptr(), blocks, block);
    Ok(())
}

pub fn address(tensor: &Tensor) -> Result<u64> {
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else { bail!("a tensor of another device") };
    let start = layout.start_offset();
    Ok(match tensor.dtype() {
        DType::F32 => storage.as_slice::<f32>()?[start..].as_ptr() as u64,
        DType::F64 => storage.as_slice::<f64>()?[start..].as_ptr() as u64,
        DType::BF16 => storage.as_slice::<half::bf16>()?[start..].as_ptr() as u64,
        DType::U32 => storage.as_slice::<u32>()?[start..].as_ptr() as u64,
        DType::U8 => storage.as_slice::<u8>()?[start..].as_ptr() as u64,
        other => bail!("no kernel reads {}", other.as_str()),
    })
}

/// One call at a time: what a text keeps for a block is one for all.
static FUNCTIONS: Mutex<Option<Functions>> = Mutex::new(None);
/// By text, number type, whether maps are packed, and name.
type Functions = HashMap<(String, DType, bool, &'static str), Run>;

fn function(call: &Call, threads: Threads) -> Result<impl Fn(*const *const c_void, u32, u32) + use<>> {
    let key = (call.text.to_string(), call.number, call.packed, call.kernel);
    let mut functions = FUNCTIONS.lock().unwrap_or_else(PoisonError::into_inner);
    let known = functions.get_or_insert_default();
    let run = match known.get(&key) {
        Some(run) => *run,
        None => {
            let run = compile(call, threads)?;
            known.insert(key, run);
            run
        }
    };
    Ok(move |pointers, blocks, block| {
        let _one = &functions;
        // SAFETY: as on a device: the text takes these arguments, and tensors live to the end of the call.
        unsafe { run(pointers, blocks, block) }
    })
}

fn compile(call: &Call, threads: Threads) -> Result<Run> {
    if let Some(library) = std::env::var_os("WSSS_NVRTC") {
        compiled_for_cuda(call, Path::new(&library))?;
    }
    let folder = tempfile::tempdir()?;
    let (source, library) = (folder.path().join("kernel.cpp"), folder.path().join("kernel.so"));
    let kernel = call.kernel;
    let end = format!(
        "\nextern \"C\" void run_{kernel}(void **arguments, unsigned blocks, unsigned block) {{ host::run({kernel}, arguments, blocks, block); }}\n"
    );
    let together = if threads == Threads::Together { "#define TOGETHER\n" } else { "" };
    std::fs::write(&source, format!("{together}{HOST}{}{end}", call.whole_text()))?;
    compiled(&source, &library, &call.definitions()?)?;
    // SAFETY: the library is our own, and stays loaded to the end of the program.
    unsafe {
        let library = Library::new(&library).map_err(candle_core::Error::wrap)?;
        let run: Run = *library.get(format!("run_{kernel}").as_bytes()).map_err(candle_core::Error::wrap)?;
        std::mem::forget(library);
        Ok(run)
    }
}

fn compiled(source: &Path, library: &Path, definitions: &[String]) -> Result<()> {
    let told = Command::new("c++")
        .args(["-std=c++20", "-shared", "-fPIC", "-pthread", "-w"])
        .args(definitions)
        .arg("-o")
        .args([library, source])
        .output()?;
    if !told.status.success() {
        bail!("{}", String::from_utf8_lossy(&told.stderr));
    }
    Ok(())
}

/// `WSSS_NVRTC=libnvrtc.so.13`: NVIDIA's compiler takes the text, too. It needs no card.
fn compiled_for_cuda(call: &Call, library: &Path) -> Result<()> {
    type Program = *mut c_void;
    type Texts = *const *const c_char;
    let text = CString::new(call.whole_text()).map_err(candle_core::Error::wrap)?;
    let options = ["--gpu-architecture=compute_90".to_string()].into_iter().chain(call.definitions()?);
    let options: Vec<CString> = options.map(|option| CString::new(option).expect("no zero within")).collect();
    let options: Vec<*const c_char> = options.iter().map(|option| option.as_ptr()).collect();
    // SAFETY: the functions are those of NVRTC's header; texts end with a zero and live to the end of the block.
    unsafe {
        let library = Library::new(library).map_err(candle_core::Error::wrap)?;
        macro_rules! function {
            ($name:literal, $type:ty) => {
                library.get::<$type>($name).map_err(candle_core::Error::wrap)?
            };
        }
        let create = function!(
            b"nvrtcCreateProgram",
            unsafe extern "C" fn(*mut Program, *const c_char, *const c_char, c_int, Texts, Texts) -> c_int
        );
        let compile = function!(b"nvrtcCompileProgram", unsafe extern "C" fn(Program, c_int, Texts) -> c_int);
        let log_size = function!(b"nvrtcGetProgramLogSize", unsafe extern "C" fn(Program, *mut usize) -> c_int);
        let log = function!(b"nvrtcGetProgramLog", unsafe extern "C" fn(Program, *mut c_char) -> c_int);
        let destroy = function!(b"nvrtcDestroyProgram", unsafe extern "C" fn(*mut Program) -> c_int);
        let mut program = std::ptr::null_mut();
        let none = std::ptr::null();
        if create(&mut program, text.as_ptr(), std::ptr::null(), 0, none, none) != 0 {
            bail!("NVRTC made no program of `{}`", call.kernel);
        }
        let status = compile(program, options.len() as c_int, options.as_ptr());
        let mut size = 0;
        log_size(program, &mut size);
        let mut told = vec![0u8; size + 1];
        log(program, told.as_mut_ptr().cast());
        destroy(&mut program);
        if status != 0 {
            bail!("NVRTC on `{}`: {}", call.kernel, String::from_utf8_lossy(&told));
        }
    }
    Ok(())
}
