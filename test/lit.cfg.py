# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# How lit runs the tests of lmopt: shell lines of .mlir and .test files, with the built programs and those of LLVM on the
# path. The paths come from lit.site.cfg.py in the build folder (--param lmopt_site_config=...).
import os

import lit.formats

if not hasattr(config, "lmopt_binary_dir"):
    lit_config.load_config(config, lit_config.params["lmopt_site_config"])
else:
    config.name = "lmopt"
    config.test_format = lit.formats.ShTest(execute_external=False)
    config.suffixes = [".mlir", ".test"]
    config.excludes = ["Inputs", "models", "fuzz", "unit"]
    config.test_source_root = os.path.join(config.lmopt_source_dir, "test")
    config.test_exec_root = os.path.join(config.lmopt_binary_dir, "test")

    path = [os.path.join(config.lmopt_binary_dir, "bin"), config.lmopt_llvm_tools_dir, config.environment["PATH"]]
    config.environment["PATH"] = os.pathsep.join(path)
    # Variables die at the next CHECK-LABEL, so that no function can pass on the strength of another.
    config.environment["FILECHECK_OPTS"] = "-enable-var-scope --allow-unused-prefixes=false"
    config.substitutions.append(("%source_root", config.lmopt_source_dir))
    config.substitutions.append(("%binary_root", config.lmopt_binary_dir))
    config.substitutions.append(("%llvm_include", config.lmopt_llvm_include_dir))
