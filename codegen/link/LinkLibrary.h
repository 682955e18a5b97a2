// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From object files to a shared library, by lld in this process; and the bytes of the metadata. What follows the
// library in the artifact is written by SectionAppender.h. Tested by test/unit/codegen/ArtifactFileTest.cpp and the
// end-to-end tests.
#ifndef LMOPT_CODEGEN_LINK_LINKLIBRARY_H
#define LMOPT_CODEGEN_LINK_LINKLIBRARY_H

#include <map>
#include <string>
#include <vector>

namespace lmopt::link {

/// Links the object files into the shared library `libraryFile`.
bool linkSharedLibrary(const std::vector<std::string> &objectFiles, const std::string &libraryFile, std::string &error);

/// Returns when no linker is at work, and lets none begin: for a thread that ends the program. lld makes its temporary
/// before it tells LLVM to remove it on a signal, so who cleans up in between would leave it.
void waitForLinker();

/// The bytes of section .lmopt.meta: a directory of named blobs (lmopt_meta_header_t).
std::string makeMeta(const std::map<std::string, std::string> &blobs);

} // namespace lmopt::link

#endif
