"""The lab's tests; importing it first keeps numpy to one thread."""

import lab as lab
