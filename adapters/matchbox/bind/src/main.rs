//! Makes of a module built for `wasm32-unknown-unknown` a folder that a browser loads.
//!
//! ```text
//! matchbox-bind MODULE.wasm FOLDER
//! ```

use std::error::Error;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [module, folder] = arguments.as_slice() else {
        return Err("usage: matchbox-bind MODULE.wasm FOLDER".into());
    };
    // The page finds the module by the name that it is given here.
    Ok(Bindgen::new()
        .input_path(module)
        .web(true)?
        .omit_default_module_path(false)
        .typescript(false)
        .generate(folder)?)
}
