//! Has the console embedded anew when its build wrote other files, or the first ones.

fn main() {
    println!("cargo::rerun-if-changed=../console/dist");
}
