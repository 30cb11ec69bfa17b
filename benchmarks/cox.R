# coxph on the rows written by run.py; prints seconds of the best of five, coefficients and cluster errors as JSON.
suppressMessages(library(survival))
file <- commandArgs(TRUE)[1]
d <- read.csv(file)
formula <- as.formula(paste("Surv(start, stop, event) ~", paste0("x", 1:25, collapse = "+")))
once <- function() system.time(fit <<- coxph(formula, d, cluster = caseworker, ties = "efron"))["elapsed"]
once()
seconds <- min(replicate(5, once()))
tight <- coxph(formula, d, cluster = caseworker, control = coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 40))
number <- function(x) paste(sprintf("%.17g", x), collapse = ",")
cat(sprintf('{"seconds":%.6f,"version":"R %s, survival %s","coef":[%s],"std_error":[%s]}\n', seconds,
  getRversion(), packageVersion("survival"), number(coef(tight)), number(sqrt(diag(vcov(tight))))))
