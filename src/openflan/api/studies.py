"""The parts of studies that `openflan study` is written on."""

from openflan.api.study import plan_study as plan_study
from openflan.api.study import report_study as report_study
from openflan.api.study import run_study as run_study
from openflan.study.cells import read_cell as read_cell
from openflan.study.drive import PlannedStudy as PlannedStudy
from openflan.study.drive import open_study as open_study
from openflan.study.drive import standing as standing
from openflan.study.executors.child import end_with_parent as end_with_parent
from openflan.study.executors.choose import read_settings as read_settings
from openflan.study.executors.script import ARRAY as ARRAY
from openflan.study.executors.script import sbatch as sbatch
from openflan.study.executors.script import shell_lines as shell_lines
from openflan.study.spec import load_study as load_study
from openflan.study.spec import packaged_studies as packaged_studies
from openflan.study.work import do as do
from openflan.study.work import work_on_cell as work_on_cell
