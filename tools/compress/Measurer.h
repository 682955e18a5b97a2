// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The measuring half of compression: statistics, reference, each format on all units, each option on one unit. All
// figures go through a Table, so none is measured twice. In: model, settings. Out: MeasuredUnits and Points. See
// Compress.h.
#ifndef LMOPT_TOOLS_COMPRESS_MEASURER_H
#define LMOPT_TOOLS_COMPRESS_MEASURER_H

#include "tools/compress/Compress.h"
#include "tools/compress/Table.h"

#include <optional>

namespace lmopt {

class Measurer {
public:
  static Result<Measurer> create(ImportedModel &model, const CompressSettings &settings);

  /// Statistics, reference, formats, options; fills units and points.
  Result<void> measure(CompressResult &result);

  /// Compiles the settings and judges them on the choice text; the artifact stays as FILE in the work folder.
  struct Built {
    Point point;
    Footprint footprint;
  };
  Result<Built> build(const std::string &name, const std::vector<Setting> &settings, const std::string &file,
                      bool narrowAttention);
  /// A recipe as the artifact and the report tell it: without the names of files in the work folder.
  std::string toldRecipe(const std::vector<Setting> &settings, bool narrowAttention) const;

  std::string path(const std::string &file) const { return settings.work + "/" + file; }
  /// Seconds of the work that counts, by unit; "": the rest.
  Result<std::map<std::string, double>> timeUnits(const std::string &artifact) const;
  Result<Speeds> timeWhole(const std::string &artifact) const;
  void tell(const std::string &detail);

private:
  Measurer(ImportedModel &model, const CompressSettings &settings, Table table);

  Result<void> measureStatistics();
  Result<void> measureReference(CompressResult &result);
  Result<void> measureFormats(CompressResult &result);
  Result<void> measureUnits(CompressResult &result);
  Result<void> measureUnit(size_t unit, MeasuredUnit &measured);

  /// One unit changed, the rest in f32: loss, and the shares of its bytes and of its time that are left.
  struct Cell {
    double loss = 0, share = 1, timeShare = 1;
  };
  Result<Cell> cell(size_t unit, const Setting &setting);
  /// All units in one format.
  struct Uniform {
    Point point;
    std::map<std::string, double> bytes, seconds; ///< by unit
  };
  Result<Uniform> uniform(size_t format);
  bool appliesTo(size_t format, size_t unit);

  ImportedModel &model;
  const CompressSettings &settings;
  Workbench bench;
  Table table;
  std::optional<Judge> judge;
  std::vector<Uniform> uniforms; ///< by format
  size_t measured = 0, planned = 0;
};

/// Figures as the table keeps them.
nlohmann::json toJson(const Quality &quality);
Quality qualityFromJson(const nlohmann::json &json);

} // namespace lmopt

#endif // LMOPT_TOOLS_COMPRESS_MEASURER_H
