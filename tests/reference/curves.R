# Kaplan-Meier and Aalen-Johansen curves (survival's survfit). Run with: Rscript tests/reference/curves.R
# Uses the csv files that survival.R wrote, writes mgus2.csv and curves.json beside this file.
suppressMessages(library(survival))
here <- "tests/reference"
heart <- read.csv(file.path(here, "heart.csv")); veteran <- read.csv(file.path(here, "veteran.csv"))
d <- survival::mgus2[1:400, ]
d$time <- with(d, ifelse(pstat == 0, futime, ptime))
d$exit <- with(d, ifelse(pstat == 0, 2 * death, 1))
d$exit <- c("censored", "pcm", "death")[d$exit + 1]
# each person's time cut in two rows, as time-varying data come, and a weight that differs by person
half <- floor(d$time / 2)
two <- rbind(data.frame(id = d$id, start = 0, stop = half, exit = "censored", sex = d$sex)[half > 0, ],
             data.frame(id = d$id, start = half, stop = d$time, exit = d$exit, sex = d$sex))
two <- two[two$start < two$stop, ]
two$w <- 1 + (two$id %% 3) / 2
write.csv(two, file.path(here, "mgus2.csv"), row.names = FALSE)
two$exit <- factor(two$exit, c("censored", "pcm", "death"))
number <- function(x) paste0("[", paste(ifelse(is.na(x) | is.nan(x), "null", ifelse(is.infinite(x), "null", sprintf("%.17g", x))), collapse = ","), "]")
km <- function(name, fit) {
  s <- summary(fit, censored = TRUE)
  paste0('"', name, '":{"time":', number(s$time), ',"estimate":', number(s$surv), ',"std_error":', number(s$std.err),
    ',"conf_low":', number(s$lower), ',"conf_high":', number(s$upper), ',"at_risk":', number(s$n.risk), "}")
}
aj <- function(name, fit) {
  k <- which(fit$states == "death"); j <- which(fit$states == "pcm")
  paste0('"', name, '":{"time":', number(fit$time), ',"death":', number(fit$pstate[, k]), ',"death_error":', number(fit$std.err[, k]),
    ',"pcm":', number(fit$pstate[, j]), ',"pcm_error":', number(fit$std.err[, j]), ',"death_low":', number(fit$lower[, k]),
    ',"death_high":', number(fit$upper[, k]), ',"at_risk":', number(fit$n.risk[, 1]), "}")
}
veteran$half <- veteran$w / 3
out <- c(
  km("heart", survfit(Surv(start, stop, event) ~ 1, heart)),
  km("veteran trt 2", survfit(Surv(time, status) ~ 1, veteran[veteran$trt == 2, ])),
  km("veteran weights", survfit(Surv(time, status) ~ 1, veteran, weights = w)),
  km("veteran fractions", survfit(Surv(time, status) ~ 1, veteran, weights = half)),
  aj("mgus2", survfit(Surv(start, stop, exit) ~ 1, two, id = id)),
  aj("mgus2 weights", survfit(Surv(start, stop, exit) ~ 1, two, id = id, weights = w)),
  aj("mgus2 F", survfit(Surv(start, stop, exit) ~ 1, two[two$sex == "F", ], id = id))
)
writeLines(paste0('{"versions":"', R.version.string, " survival ", packageVersion("survival"), '",\n', paste(out, collapse = ",\n"), "}"),
  file.path(here, "curves.json"))
