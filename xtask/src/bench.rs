//! `cargo xtask bench`.

use crate::Result;

pub fn run() -> Result {
    println!("There is no benchmark yet, so nothing was measured.");
    Ok(())
}
