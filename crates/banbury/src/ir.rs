use std::process::ExitCode;

use anyhow::bail;
use banbury_engine::Silent;
use banbury_engine::intake::{self, IntakeOptions, Source};
use banbury_frontend::SourceFile;

use crate::config::Config;
use crate::review::{self, BuildArgs};

/// Print the intermediate representation of a file
#[derive(clap::Args)]
#[command(after_help = "Example:\n  banbury ir src/decode.c --function decode_header -D CONFIG_IPV6")]
pub struct Args {
    /// File, or whatever `banbury review` takes
    path: String,

    /// Print only this function
    #[arg(long, value_name = "NAME")]
    function: Option<String>,

    #[command(flatten)]
    build: BuildArgs,
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let manifest = intake::read(&Source::parse(&args.path)?, &IntakeOptions::default(), &Silent)?;
    let file = |file: &intake::ManifestFile| SourceFile {
        path: file.path.clone(),
        text: file.text.clone(),
        language: file.language,
    };
    let files: Vec<SourceFile> = manifest.files.iter().map(file).collect();
    let mut options = args.build.options(&Config::default())?;
    options.per_file = manifest.file_options;
    let (program, coverage) = banbury_engine::build(&files, &options);

    let wanted = |name: &str| args.function.as_deref().is_none_or(|function| function == name);
    let functions: Vec<_> = program.functions.iter().filter(|f| wanted(f.name.as_str())).collect();
    if let (true, Some(name)) = (functions.is_empty(), &args.function) {
        bail!("{} defines no function {name}", args.path);
    }
    review::to_stdout(|out| {
        for function in functions {
            let path = program.file_paths.get(function.file.index()).map_or("", String::as_str);
            writeln!(out, "// {path}:{}", function.span.line)?;
            writeln!(out, "{}", banbury_ir::print_function(&program, function))?;
        }
        for (file, coverage) in files.iter().zip(&coverage) {
            for (span, reason) in &coverage.errors {
                writeln!(out, "// {}:{}: not parsed: {reason}", file.path, span.line)?;
            }
        }
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}
