# glmmTMB's answers on a csv: Rscript peers_mixed.R JOB FILE REPEATS. One cold run at default tolerance, one thread;
# prints its seconds with coefficients and errors as JSON.
arguments <- commandArgs(TRUE)
suppressMessages(library(glmmTMB))
d <- read.csv(arguments[2])
slopes <- grep("^x", names(d), value = TRUE)
formula <- as.formula(paste("event ~", paste(slopes, collapse = "+"),
  if (arguments[1] == "crossed") "+ (1 | client) + (1 | caseworker)" else "+ factor(period) + (1 | caseworker)"))
seconds <- system.time(fit <- glmmTMB(formula, d, family = binomial, control = glmmTMBControl(parallel = 1)))["elapsed"]
number <- function(v) paste(sprintf("%.17g", v), collapse = ",")
cat(sprintf('{"seconds":%.6f,"runs":1,"peak_mb":null,"version":"R %s, glmmTMB %s","coef":[%s],"std_error":[%s]}\n', seconds,
  getRversion(), packageVersion("glmmTMB"), number(fixef(fit)$cond[slopes]), number(sqrt(diag(vcov(fit)$cond))[slopes])))
