// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How every reader of files says what went wrong: one error type that carries the exit code of the driver and one
// message for people, and Result<T>, which is either a value or such an error.
//
// In: nothing. Out: plain C++17 without MLIR or LLVM, so that the readers can be fuzzed and tested alone.
// A message says which file, which tensor or key, what was expected, what was found and, where it is known, what to do.
// Tested by test/unit/files/StatusTest.cpp.
#ifndef LMOPT_FILES_STATUS_H
#define LMOPT_FILES_STATUS_H

#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace lmopt {

/// Exit codes of the driver that a reader or writer of files can cause.
enum ErrorCode : int {
  kErrorInternal = 1,
  kErrorUsage = 2,
  kErrorMalformed = 3,   // the file contradicts its format
  kErrorUnsupported = 4, // the file is fine, lmopt does not know this kind of model
  kErrorResource = 5,    // memory, disk, permissions, missing files
};

struct Error {
  int code = kErrorInternal;
  std::string message;
};

inline Error malformed(std::string message) { return {kErrorMalformed, std::move(message)}; }
inline Error unsupported(std::string message) { return {kErrorUnsupported, std::move(message)}; }
inline Error resourceError(std::string message) { return {kErrorResource, std::move(message)}; }

/// A value of T or an Error. Look before you take: get() on an error ends the program.
template <class T>
class [[nodiscard]] Result {
public:
  Result(T value) : content(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : content(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return content.index() == 0; }
  explicit operator bool() const { return ok(); }

  T &get() { return ok() ? *std::get_if<0>(&content) : (std::abort(), *std::get_if<0>(&content)); }
  const T &get() const { return const_cast<Result *>(this)->get(); }
  T &operator*() { return get(); }
  const T &operator*() const { return get(); }
  T *operator->() { return &get(); }
  const T *operator->() const { return &get(); }

  /// Moves the value out.
  T take() { return std::move(get()); }

  const Error &error() const {
    if (ok())
      std::abort();
    return *std::get_if<1>(&content);
  }

private:
  std::variant<T, Error> content;
};

/// The result of an action that yields nothing.
template <>
class [[nodiscard]] Result<void> {
public:
  Result() = default;
  Result(Error error) : failure(std::move(error)) {}

  bool ok() const { return !failure; }
  explicit operator bool() const { return ok(); }

  const Error &error() const {
    if (ok())
      std::abort();
    return *failure;
  }

private:
  std::optional<Error> failure;
};

} // namespace lmopt

#endif // LMOPT_FILES_STATUS_H
