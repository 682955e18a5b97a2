/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The public headers as a C++17 program sees them: compiled with -std=c++17 -pedantic.
 */
#include "lmopt/abi.h"
#include "lmopt/lmopt.h"
#include "lmopt/status.h"
#include "lmopt/tokenizer.h"
#include "lmopt/tokenizer_format.h"

int main() {
  lmopt_session_options_t options = {};
  lmopt_error_t error = {LMOPT_OK, ""};
  lmopt_model_t *model = 0;
  return options.threads == 0 && lmopt_version()[0] &&
                 lmopt_model_open("/nonexistent/model.so", 0, &model, &error) == LMOPT_ERROR_RESOURCE
             ? 0
             : 1;
}
